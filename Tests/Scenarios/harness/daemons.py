"""podshield-idd on a node of the scenario, and psid to talk to it."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, Optional

from . import commands
from .lifetime import Run
from .topology import Node, Pod

ROOT = Path(__file__).resolve().parents[3]
BPF_OBJECT = ROOT / "build/bpf/podshield.bpf.o"
TRUST_DOMAIN = "example.org"
ESP_PORT = 4500
READY_SECONDS = 20
NEIGHBOUR = "node-b"
# Beside a daemon's configuration: what psid has complained of.
MESSAGES = "psid.log"


def spiffe_id(path: str) -> str:
    """The identity of that path in the trust domain of all scenarios; the path has no slash in front."""
    return f"spiffe://{TRUST_DOMAIN}/{path}"


def binaries(node: Optional[Node] = None) -> Path:
    """Where the programs are; those of node-b may be of another version than the others'."""
    ours = os.environ.get("PODSHIELD_BINARIES", ROOT / ".build/debug")
    return Path(os.environ.get("PODSHIELD_NEIGHBOUR", ours) if node and node.name == NEIGHBOUR else ours)


class Daemon:
    """One podshield-idd: its configuration, state, sockets and pins lie in the run's directory."""

    def __init__(self, run: Run, node: Node, configuration: str) -> None:
        self.node = node
        self._run = run
        self._directory = run.directory / node.name
        self._directory.mkdir()
        self.configuration_file = self._directory / "config.yaml"
        # It may hold a join token.
        self.configuration_file.touch(mode=0o600)
        self.configuration_file.write_text(configuration)
        self._process: Optional[subprocess.Popen] = None
        self._log = self._directory / "podshield-idd.log"

    def start(self, *prefix: str) -> None:
        """Starts it likewise, and waits until it says that it is ready."""
        self.launch(*prefix)
        deadline = time.monotonic() + READY_SECONDS
        while not self.is_ready():
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.node.name}: podshield-idd ended with {self._process.returncode}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.node.name}: podshield-idd is not ready after {READY_SECONDS} s")
            time.sleep(0.05)

    def launch(self, *prefix: str) -> None:
        """Starts it in the node's namespace, under the command `prefix`, and waits for nothing."""
        self._process = self.node.namespace.spawn(
            *prefix, str(binaries(self.node) / "podshield-idd"), "--config", str(self.configuration_file),
            log=self._log.open("ab"),
        )
        self._run.at_end(self.stop)

    def tell(self, number: int) -> None:
        """Sends it a signal."""
        self._process.send_signal(number)

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self._process is not None:
            commands.stop(self._process, how=how)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def ended_with(self) -> Optional[int]:
        """Its status, negative for a signal; nothing while it runs."""
        return self._process and self._process.poll()

    def is_ready(self) -> bool:
        """Whether it answers psid by now."""
        try:
            self.psid("status", timeout=5)
        except (commands.CommandFailed, subprocess.TimeoutExpired):
            return False
        return True

    @property
    def process_id(self) -> int:
        """Of the daemon that was started last."""
        if self._process is None:
            raise RuntimeError(f"{self.node.name}: podshield-idd was not started")
        return self._process.pid

    @property
    def log(self) -> str:
        """What it wrote to standard error, all runs."""
        return self._log.read_text(errors="replace")

    def take(self, invitation: dict[str, Any]) -> None:
        """Puts what `psid token generate` printed into its configuration, in the place of an earlier one; read at the next start."""
        text = self.configuration_file.read_text()
        for key, value in (("token", invitation["token"]), ("root-fingerprint", invitation["rootFingerprint"])):
            text = re.sub(rf"(?m)^  {key}: .*$", f"  {key}: {value}", text)
        self.configuration_file.write_text(text)

    def reload(self) -> None:
        """Asks it to read its configuration again."""
        self._process.send_signal(signal.SIGHUP)

    def psid(self, *arguments: str, timeout: float = 20) -> str:
        """What psid prints about this daemon."""
        return commands.run(
            str(binaries(self.node) / "psid"), "--config", str(self.configuration_file), *arguments, timeout=timeout,
            messages=self._directory / MESSAGES,
        )

    def ask(self, *arguments: str, timeout: float = 20) -> Any:
        """psid's answer as data."""
        return json.loads(self.psid(*arguments, "-o", "json", timeout=timeout))

    def refusal(self, *arguments: str) -> Optional[str]:
        """What psid says when it is not done; nothing when it is."""
        try:
            self.psid(*arguments)
        except commands.CommandFailed as failure:
            return failure.output.strip()
        return None

    @property
    def workload_socket(self) -> Path:
        """Where workloads of its node ask."""
        return self._directory / "run/agent/api.sock"

    def api(self, *words: str, user: int = 0) -> str:
        """What psid prints of the Workload API as a process of that user on the node; others than root have to come by."""
        become = ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")
        return self.node.namespace.run(
            *become, str(binaries() / "psid"), "api", *words, "--endpoint", f"unix://{self.workload_socket}")

    def add_pod(self, pod: Pod, service_account: str, app: str) -> None:
        self.psid(
            "pod", "add", pod.name, "--namespace", "shop", "--service-account", service_account,
            "--label", f"app={app}", "--netns", str(pod.namespace.path),
        )

    def wait_for_peer(self, name: str, timeout: float = 10) -> Optional[dict[str, Any]]:
        """The peer once there are keys with it in both directions; nothing when that does not come about."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for peer in self.ask("peers")["peers"]:
                directions = {association["direction"] for association in peer["associations"]}
                if peer["name"] == name and peer["state"] == "established" and len(directions) == 2:
                    return peer
            time.sleep(0.1)
        return None

    def epoch(self, peer: str) -> Optional[str]:
        """Of the keys that are in use with the node; nothing while there is no link with it."""
        established = (found for found in self.ask("peers")["peers"] if found["state"] == "established")
        return next((found["epoch"] for found in established if found["name"] == peer), None)

    @property
    def reaches_authority(self) -> bool:
        return self.ask("status")["node"]["authorityConnected"]

    def finding(self, code: str) -> Optional[dict[str, Any]]:
        """What `psid doctor` has found under that code; it ends with another status than 0 where that keeps from working."""
        try:
            found = self.psid("doctor", "-o", "json")
        except commands.CommandFailed as failure:
            found = failure.output
        return next((finding for finding in json.loads(found)["findings"] if finding["code"] == code), None)

    def drops(self) -> dict[str, int]:
        """Packets that its kernel has dropped, by reason."""
        counters = self.ask("datapath", "show")["counters"]
        return {counter["reason"]: counter["packets"] for counter in counters if counter["verdict"] == "dropped"}

    def observe(self) -> "Observation":
        """Every event from now on."""
        return Observation(self)


class Observation:
    """`psid observe` at work. As a context manager; `wait_for` reads what came so far."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._seen: list[dict[str, Any]] = []
        self._lines = ""

    def __enter__(self) -> "Observation":
        path = self._daemon.configuration_file.with_name(f"observe-{time.monotonic_ns()}.log")
        command = [
            str(binaries() / "psid"), "--config", str(self._daemon.configuration_file), "observe", "-o", "json",
        ]
        self._process = commands.spawn(*command, log=path.open("wb"))
        self._output = path.open("r")
        # Events before its stream is open are not asked for, and it says nothing when that is so.
        deadline = time.monotonic() + READY_SECONDS
        while not _is_connected(self._process.pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.5)
        return self

    def __exit__(self, *_: object) -> None:
        commands.stop(self._process)
        self._output.close()

    def wait_for(self, reason: str, timeout: float = 5) -> Optional[dict[str, Any]]:
        """The first event about a packet with this reason; nothing when none comes."""
        return self._wait(lambda event: event.get("reason") == reason, timeout)

    def wait_for_kind(self, kind: str, naming: str = "", timeout: float = 10) -> Optional[dict[str, Any]]:
        """The first event of this kind whose message has these words; nothing when none comes."""
        return self._wait(lambda event: event["kind"] == kind and naming in event["message"], timeout)

    def _wait(self, wanted: Callable[[dict[str, Any]], bool], timeout: float) -> Optional[dict[str, Any]]:
        deadline = time.monotonic() + timeout
        while True:
            self._read()
            for event in self._seen:
                if wanted(event):
                    return event
            if time.monotonic() > deadline:
                return None
            time.sleep(0.02)

    def _read(self) -> None:
        *complete, self._lines = (self._lines + self._output.read()).split("\n")
        self._seen += [json.loads(line) for line in complete if line.startswith("{")]


def _is_connected(process: int) -> bool:
    """Whether a Unix socket that it has opened is connected (proc_net_unix: the column St is 03)."""
    directory = Path(f"/proc/{process}")
    with contextlib.suppress(FileNotFoundError):
        rows = [row.split() for row in (directory / "net/unix").read_text().splitlines()[1:]]
        connected = {f"socket:[{row[6]}]" for row in rows if row[5] == "03"}
        own = [descriptor for descriptor in (directory / "fd").iterdir() if int(descriptor.name) > 2]
        return any(os.readlink(descriptor) in connected for descriptor in own)
    return False
