# SPDX-License-Identifier: Apache-2.0
"""A standalone node that works, to be spoiled in one way after another."""

import contextlib
import hashlib
import json
import re
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path
from typing import Optional

from harness import commands
from harness.configuration import standalone_configuration
from harness.daemons import MESSAGES, Daemon, binaries, spiffe_id
from harness.lifetime import Run
from harness.report import Report
from harness.topology import Node, TwoNodes

START_SECONDS = 20
DISK_BYTES = 8 << 20
# Locks, and the registry, which is compared by what it holds: each opening moves its log into the file.
PASSING = re.compile(r"(lock|\.sqlite(-wal|-shm)?)$")
# What of the registry a start may change: numbers of certificates, and when something was last seen.
COUNTERS = re.compile(r'^INSERT INTO "counters"')


class Box:
    """node-a with one pod, stopped: configuration, state and pins as a good run left them."""

    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        self.net = TwoNodes(run)
        self.pod = self.net.add_pod(self.net.a, "web-0", 10)
        self.daemon = Daemon(run, self.net.a, standalone_configuration(run, self.net))
        self.directory = run.directory / "node-a"
        self.state = self.directory / "state"
        self.configuration = self.daemon.configuration_file
        self.bpffs = run.directory / "node-a-bpf"
        self._identity: Optional[tuple[str, ...]] = None

    def begin(self) -> None:
        self.report.step("0. A node that works")
        self._mount_disk()
        self.daemon.start()
        identity = spiffe_id("ns/shop/sa/web")
        self.daemon.psid("entry", "create", "--spiffe-id", identity, "--node", "node-a", "--label", "app=web")
        self.daemon.add_pod(self.pod, "web", "web")
        self._identity = self.identity()
        self.daemon.stop()
        self.report.expect("it has an identity, an entry and a pod", all(self._identity), self._identity[0])

    def _mount_disk(self) -> None:
        """The state lies on a disk of its own, which is soon full."""
        image = self.run.directory / "disk"
        with image.open("wb") as file:
            file.truncate(DISK_BYTES)
        commands.run("mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", str(image))
        self.state.mkdir(mode=0o700)
        commands.run("mount", "-o", "loop", str(image), str(self.state))
        self.run.at_end(commands.run, "umount", "--lazy", str(self.state))
        self.state.chmod(0o700)
        (self.state / "lost+found").rmdir()

    def identity(self) -> tuple[str, ...]:
        """What must never be lost: the root, the registry's contents, the pod and its SVID. Of a running daemon."""
        authority = self.daemon.ask("status")["authority"]
        entries = ",".join(entry["id"] for entry in self.daemon.ask("entry", "list")["entries"])
        pods = ",".join(pod["name"] for pod in self.daemon.ask("pod", "list")["pods"])
        return authority["rootFingerprint"], entries, pods, self.daemon.ask("issue", "--pod", "web-0")["serial"]

    def is_as_before(self, when: str) -> None:
        self.daemon.start()
        now = self.identity()
        self.daemon.stop()
        self.report.expect(f"{when}: root, entries, pods and SVIDs are those of before", now == self._identity)

    def digests(self) -> dict[str, str]:
        """Of every file of the state and every pin."""
        files = [path for path in self.state.rglob("*") if path.is_file() and not PASSING.search(path.name)]
        pins = {str(path): "pin" for path in self.bpffs.rglob("*")}
        return pins | {str(path): digest(path.read_bytes()) for path in files} | {"registry": self._registry()}

    def _registry(self) -> str:
        """Of every row, read on a copy."""
        with tempfile.TemporaryDirectory() as copy:
            for path in self.state.glob("authority/authority.sqlite*"):
                shutil.copy(path, copy)
            with contextlib.closing(sqlite3.connect(f"{copy}/authority.sqlite")) as database:
                return digest("\n".join(row for row in database.iterdump() if not COUNTERS.match(row)).encode())

    def try_start(self, *prefix: str) -> tuple[int, list[str]]:
        """Runs the daemon to its end, which should come at once: status, and the lines that say why."""
        return start_until_end(self.net.a, self.configuration, *prefix)

    def doctor(
        self, *arguments: str, under: tuple[str, ...] = (), configuration: Optional[Path] = None
    ) -> tuple[int, list[dict[str, str]]]:
        """Its status and findings."""
        path = configuration or self.configuration
        ended = self._run(*under, str(binaries() / "psid"), "--config", str(path), "doctor", "-o", "json", *arguments)
        try:
            return ended.returncode, json.loads(ended.stdout)["findings"]
        except ValueError:
            return ended.returncode, [{"code": "none", "message": ended.stdout + ended.stderr}]

    def psid(self, *arguments: str, of: Optional[Daemon] = None) -> tuple[int, str, str]:
        """Status, output and messages of psid about this daemon, or another."""
        configuration = (of or self.daemon).configuration_file
        ended = self._run(str(binaries() / "psid"), "--config", str(configuration), *arguments)
        with configuration.with_name(MESSAGES).open("a") as messages:
            messages.write(ended.stderr)
        return ended.returncode, ended.stdout, ended.stderr

    def _run(self, *command: str) -> subprocess.CompletedProcess:
        return _run(self.net.a, *command)


def expect_doctor_knows(box: Box, code: str, what: str, daemon: Daemon) -> None:
    _, found = box.doctor(configuration=daemon.configuration_file)
    told = next((finding for finding in found if finding["code"] == code), None)
    box.report.expect(
        f"psid doctor knows it, {code}, and what to do", bool(told) and what in told["message"] and told["remedy"] != "", told)


def start_until_end(node: Node, configuration: Path, *prefix: str) -> tuple[int, list[str]]:
    """A daemon that should end by itself: status, and the lines that say why."""
    try:
        ended = _run(node, *prefix, str(binaries() / "podshield-idd"), "--config", str(configuration))
    except subprocess.TimeoutExpired:
        return -1, [f"it still runs after {START_SECONDS} s"]
    with configuration.with_name("refused.log").open("a") as log:
        log.write(ended.stderr)
    return ended.returncode, [line for line in ended.stderr.splitlines() if line.startswith("podshield-idd: ")]


def _run(node: Node, *command: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["nsenter", f"--net={node.namespace.path}", "--", *command], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, errors="replace", timeout=START_SECONDS,
    )


def digest(contents: bytes) -> str:
    return hashlib.sha256(contents).hexdigest()


def remount_read_only(path: Path) -> None:
    commands.run("mount", "--bind", str(path), str(path))
    commands.run("mount", "-o", "remount,bind,ro", str(path))
