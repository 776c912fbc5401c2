# SPDX-License-Identifier: Apache-2.0
"""The daemons come and go, the packets stay: see README.md beside this file."""

import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Optional

from harness import commands, workloads
from harness.configuration import node_configuration, standalone_configuration
from harness.daemons import Daemon, binaries, spiffe_id
from harness.kernel_state import KernelState
from harness.lifetime import Run
from harness.packets import concerns
from harness.pings import Pings
from harness.report import Report
from harness.topology import Node, Pod, TwoNodes
from harness.waiting import wait

TITLE = "The daemons stop, die and come back; no packet is lost, none is in the clear"

PODS = (("node-a", "web"), ("node-b", "db"))
REKEYS = 10
READY = "PSD1002"
# A start takes less when nothing is missing.
GRACE_SECONDS = 2
PATIENCE_SECONDS = 10
# Users of node-b.
ROOT, STRANGER = 0, 54_001


def play(run: Run, report: Report) -> None:
    restart = Restart(run, report)
    restart.begin()
    restart.restarts()
    restart.rekeys()
    restart.nobody()
    restart.without_authority()
    restart.refusals()
    restart.other_version()
    restart.lost_interface()
    restart.uninstall()
    restart.boot()


class Restart:
    """What the steps share: the machines and the two daemons."""

    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        # Other users have to come by.
        run.directory.chmod(0o711)
        self.net = TwoNodes(run)
        self.web = self.net.add_pod(self.net.a, "web-0", 10)
        self.db = self.net.add_pod(self.net.b, "db-0", 10)
        self.a = Daemon(run, self.net.a, standalone_configuration(run, self.net))

    def begin(self) -> None:
        self.report.step("1. Two nodes and their pods")
        self.a.start()
        token = self.a.ask("token", "generate", "--node", "node-b")
        self.b = Daemon(self.run, self.net.b, node_configuration(self.run, self.net, token))
        self.b.start()
        for node, app in PODS:
            identity = spiffe_id(f"ns/shop/sa/{app}")
            self.a.psid("entry", "create", "--spiffe-id", identity, "--node", node, "--label", f"app={app}")
        self.a.add_pod(self.web, "web", "web")
        self.b.add_pod(self.db, "db", "db")
        self.a.psid("entry", "create", "--spiffe-id", spiffe_id("clerk"), "--node", "node-b", "--selector", f"unix:uid:{ROOT}")
        self.report.expect("root on node-b has an identity by an entry", wait(lambda: spiffe_id("clerk") in self._shown(ROOT)))
        self.report.expect("the nodes have a session", self.a.wait_for_peer("node-b") is not None)
        with self._pings() as pings:
            pass
        self._judge("pings pass", pings)

    def restarts(self) -> None:
        self.report.step("2. Each daemon stops and starts, dies and starts")
        for daemon, pod in ((self.a, self.web), (self.b, self.db)):
            for name, how in (("stopped", signal.SIGTERM), ("killed", signal.SIGKILL)):
                self._restart(f"{daemon.node.name} {name} and started", daemon, pod, how)

    def _restart(self, name: str, daemon: Daemon, pod: Pod, how: int) -> None:
        serial, pins, epoch = self._serial(daemon, pod), self._pins(daemon), self._epoch()
        with self._pings() as pings:
            daemon.stop(how)
            daemon.start()
            renewed = wait(lambda: self._epoch() not in (epoch, None), PATIENCE_SECONDS)
        self._judge(name, pings)
        self.report.expect("its pins are those of before", pins == self._pins(daemon) and pins, f"{len(pins)} pins")
        self.report.expect("so is its pod's SVID", serial == self._serial(daemon, pod), serial)
        self.report.expect("new keys are agreed on", renewed, self._epoch())

    def rekeys(self) -> None:
        self.report.step(f"3. New keys, {REKEYS} times")
        epochs = set()
        with self._pings() as pings:
            for _ in range(REKEYS):
                epochs.add(self.a.ask("peers", "rekey")["outcomes"][0]["epoch"])
        self._judge("under rekeys", pings)
        self.report.expect("each time others", len(epochs) == REKEYS and "" not in epochs, f"{len(epochs)} epochs")

    def nobody(self) -> None:
        self.report.step("4. Neither daemon runs")
        with self._pings() as pings:
            self.a.stop()
            self.b.stop()
            time.sleep(2)
        self._judge("without daemons", pings)

    def without_authority(self) -> None:
        self.report.step("5. node-b starts while the authority is away")
        with self._pings() as pings:
            self.b.start()
            status = self.b.ask("status")
            shown, refused = self._shown(ROOT), self._shown(STRANGER)
            self.a.start()
        self._judge("meanwhile", pings)
        self.report.expect("who had an identity by an entry has it", spiffe_id("clerk") in shown, shown.splitlines()[:1])
        self.report.expect("who had none is told to come again", "not known yet" in refused, refused)
        finding = next((f["message"] for f in status["findings"] if "authority" in f["message"]), None)
        self.report.expect("it is ready, and says what is missing", status["ready"] and finding, finding)

    def refusals(self) -> None:
        self.report.step("6. What is wrong is refused, and what works goes on")
        good = self.a.configuration_file.read_text()
        bad = good.replace("esp-port:", "esp-prot:") + "nonsense: 1\n"
        with self._pings() as pings:
            self._refused("a second daemon", self.a.configuration_file, 1, "another daemon of this instance is running")
            path = self.run.directory / "bad.yaml"
            path.write_text(bad)
            self._refused("a bad configuration, all that is wrong", path, 78, "esp-prot", "did you mean", "nonsense")
            self.a.configuration_file.write_text(bad)
            self.a.reload()
            # psid finds the daemon by the same file.
            time.sleep(0.5)
            self.a.configuration_file.write_text(good)
            refused = wait(lambda: self._has_finding("reload was refused"), PATIENCE_SECONDS)
            self.a.reload()
            accepted = wait(lambda: not self._has_finding("reload was refused"), PATIENCE_SECONDS)
        self.report.expect("a reload with it is refused", refused)
        self.report.expect("one with the good one is not", accepted)
        self._judge("meanwhile", pings)

    def other_version(self) -> None:
        self.report.step("7. node-b starts on maps of a newer version that it does not know")
        kernel = KernelState(self.run, self.net.b)
        self.b.stop()
        ours, pins = kernel.version, self._pins(self.b)
        newer = ours[0] + 1
        kernel.version = (newer, newer)
        self._refused("its start", self.b.configuration_file, 1, "PSD6008", f"of ABI {newer}", node=self.net.b)
        self._found(self.b, "PSD6008", f"of ABI {newer}")
        left = kernel.version == (newer, newer) and self._pins(self.b) == pins
        self.report.expect("nothing is reset", left, kernel.version)
        self.b.psid("datapath", "uninstall")
        self.b.start()
        self.report.expect("uninstalled, it starts on maps of its own", KernelState(self.run, self.net.b).version == ours)
        self.report.expect("with the pod that it had", wait(lambda: workloads.ping(self.web, self.db), PATIENCE_SECONDS))
        with self._pings() as pings:
            pass
        self._judge("pings pass", pings)

    def lost_interface(self) -> None:
        self.report.step("8. db-0's interface goes")
        self.net.b.namespace.ip("link", "delete", self.db.host_interface)
        self.report.expect("node-b forgets the pod", wait(lambda: not self.b.ask("pod", "list")["pods"], PATIENCE_SECONDS))
        with self.a.observe() as observation:
            answers = workloads.ping(self.web, self.db)
            event = observation.wait_for("unknown-destination")
        self.report.expect("node-a knows nobody at its address", event is not None and not answers, event and event["reason"])

    def uninstall(self) -> None:
        self.report.step("9. Uninstall")
        self.a.psid("datapath", "uninstall")
        self.report.expect("node-a, whose daemon runs: no pin is left", not self._pins(self.a), self._pins(self.a) or None)
        self.b.stop()
        self.b.psid("datapath", "uninstall")
        self.report.expect("node-b, whose daemon does not: no pin is left", not self._pins(self.b), self._pins(self.b) or None)

    def boot(self) -> None:
        self.report.step("10. node-b boots, has no identity and finds no authority")
        pod = self.net.add_pod(self.net.b, "db-1", 11)
        self.a.stop()
        shutil.rmtree(self.run.directory / "node-b" / "state")
        self.report.expect("before, nothing stands between the pods", bool(workloads.ping(self.web, pod)))
        started = len(self.b.log)
        self.b.launch()
        is_shut = wait(lambda: not workloads.ping(self.web, pod), PATIENCE_SECONDS)
        self.report.expect("its pods are shut off", is_shut)
        time.sleep(GRACE_SECONDS)
        told = [line for line in self.b.log[started:].splitlines() if READY in line]
        self.report.expect("it does not get ready", self.b.is_running and not self.b.is_ready() and not told, told or None)
        self.b.stop()
        with self.net.wire.tap("to-node-b") as tap:
            workloads.ping(pod, self.web)
        clear = [frame for frame in tap.frames if concerns(frame, self.net.protected)]
        self.report.expect("they stay so when it has ended: the wire sees nothing of them", not clear, f"{len(clear)} clear")

    # Parts of the steps

    def _shown(self, user: int) -> str:
        """What node-b's Workload API tells a user of its host, or why it tells nothing."""
        try:
            return self.b.api("fetch", user=user)
        except commands.CommandFailed as failure:
            return str(failure)

    def _pings(self) -> Pings:
        return Pings(self.net, self.web, self.db)

    def _judge(self, name: str, pings: Pings) -> None:
        self.report.expect(
            f"{name}: no ping is lost, none is in the clear",
            pings.lost == 0 and pings.sent >= 20 and not pings.clear and pings.sealed >= pings.sent,
            f"{pings.sent} sent, {pings.lost} lost, {pings.sealed} sealed, {len(pings.clear)} clear",
        )
        for daemon in (self.a, self.b) if pings.lost else ():
            drops = [line for line in daemon.log.splitlines() if " dropped at " in line]
            self.report.note("\n".join([f"{daemon.node.name}:", *drops[-8:]]))

    def _refused(self, name: str, configuration: Path, status: int, *words: str, node: Optional[Node] = None) -> None:
        command = [str(binaries() / "podshield-idd"), "--config", str(configuration)]
        where = (node or self.net.a).namespace.path
        ended = subprocess.run(["nsenter", f"--net={where}", *command], capture_output=True, text=True, timeout=10)
        holds = ended.returncode == status and all(word in ended.stderr for word in words)
        self.report.expect(f"{name}: status {status}", holds, ended.stderr.strip().splitlines()[-1:])

    def _found(self, daemon: Daemon, *words: str) -> None:
        """By `psid doctor` before a start."""
        command = [str(binaries() / "psid"), "--config", str(daemon.configuration_file), "doctor", "--pre"]
        where = daemon.node.namespace.path
        ended = subprocess.run(["nsenter", f"--net={where}", *command], capture_output=True, text=True, timeout=10)
        holds = ended.returncode == 2 and all(word in ended.stdout for word in words)
        found = [line for line in ended.stdout.splitlines() if line.startswith("error")]
        self.report.expect("psid doctor finds it beforehand", holds, found)

    def _serial(self, daemon: Daemon, pod: Pod) -> str:
        return daemon.ask("issue", "--pod", pod.name)["serial"]

    def _epoch(self) -> str:
        return next((peer["epoch"] for peer in self.a.ask("peers")["peers"] if peer["state"] == "established"), None)

    def _has_finding(self, words: str) -> bool:
        return any(words in finding["message"] for finding in self.a.ask("status")["findings"])

    def _pins(self, daemon: Daemon) -> list[str]:
        pins = Path(self.run.directory / f"{daemon.node.name}-bpf") / "podshield"
        return sorted(str(pin.relative_to(pins)) for pin in pins.rglob("*") if pin.is_file())
