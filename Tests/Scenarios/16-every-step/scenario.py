# SPDX-License-Identifier: Apache-2.0
"""A daemon is killed, or stands still, at each step of a change of keys: see README.md beside this file."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import mode
from typing import Callable, Optional

sys.path.insert(0, str(Path(__file__).resolve().parent))

from kernel import kills_at_writes  # noqa: E402

from harness import workloads  # noqa: E402
from harness.configuration import node_configuration, standalone_configuration  # noqa: E402
from harness.daemons import Daemon, binaries, spiffe_id  # noqa: E402
from harness.gate import Gate, Passage  # noqa: E402
from harness.lifetime import Run  # noqa: E402
from harness.report import Report  # noqa: E402
from harness.topology import TwoNodes  # noqa: E402
from harness.traffic import Carried, Traffic  # noqa: E402
from harness.waiting import wait  # noqa: E402

TIME_LIMIT_SECONDS = 500
# Every packet counts, and nobody else is to have the processors.
ALONE = True
TITLE = "A daemon is killed, or stands still, at each step of a change of keys; no packet is lost"

LINK_PORT = 7600
TCP_RATE, UDP_RATE = 10_000_000, 500
PLAIN_SECONDS = 3
# Longer than a handshake may take.
STANDSTILL_SECONDS = 11
STANDSTILLS = 5
# Between two segments of one change of keys nothing takes as long.
QUIET_SECONDS = 0.3
# TCP may carry two messages in one segment that were in two before: then the change of keys is asked for again.
COUNTS, CHANGE_SECONDS, TRIES = 5, 30, 30
# A TLS handshake, hellos, KEM, confirmations, announcements and what follows them.
LEAST_STEPS = 10


def play(run: Run, report: Report) -> None:
    steps = EveryStep(run, report)
    steps.in_the_clear()
    steps.begin()
    with steps.gate.closed():
        steps.count()
        traffic = Traffic(run, steps.web, steps.db, TCP_RATE, UDP_RATE)
        steps.kills()
        steps.standstills()
        kills_at_writes(steps)
        steps.judge(traffic.stop())


class EveryStep:
    """Two nodes with a pod each, and a gate between them for their link."""

    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        self.net = TwoNodes(run)
        self.web = self.net.add_pod(self.net.a, "web-0", 10)
        self.db = self.net.add_pod(self.net.b, "db-0", 10)
        self.gate = Gate(self.net.wire, ("to-node-a", "to-node-b"), LINK_PORT)
        self.steps: list[Passage] = []

    def in_the_clear(self) -> None:
        self.report.step(f"1. Without Podshield: the same traffic for {PLAIN_SECONDS} s")
        ready = wait(lambda: all(workloads.ping(self.web, self.db, family) for family in (4, 6)))
        self.report.expect("the pods reach each other", ready)
        traffic = Traffic(self.run, self.web, self.db, TCP_RATE, UDP_RATE)
        time.sleep(PLAIN_SECONDS)
        self.plain = traffic.stop()
        self.report.expect("what UDP loses here is what it may lose later", self.plain.tcp.is_whole, f"{self.plain.loss:.2%}")

    def begin(self) -> None:
        self.report.step("2. Two nodes, their pods; a gate between them, at which the segments of their link are counted")
        for node in (self.net.a, self.net.b):
            node.namespace.run("ethtool", "-K", node.uplink, "tx", "off")
        self.a = Daemon(self.run, self.net.a, standalone_configuration(self.run, self.net))
        self.a.start()
        token = self.a.ask("token", "generate", "--node", "node-b")
        self.b = Daemon(self.run, self.net.b, node_configuration(self.run, self.net, token))
        self.b.start()
        for daemon, pod, name in ((self.a, self.web, "web"), (self.b, self.db, "db")):
            identity = spiffe_id(f"ns/shop/sa/{name}")
            self.a.psid("entry", "create", "--spiffe-id", identity, "--node", daemon.node.name, "--label", f"app={name}")
            daemon.add_pod(pod, name, name)
        peer = self.a.wait_for_peer("node-b")
        self.report.expect("the nodes have a session", peer is not None, peer and peer["epoch"])

    def count(self) -> None:
        changes = [self._change() for _ in range(COUNTS)]
        usual = mode(map(len, changes))
        # Each change of keys has these, however TCP divides it.
        self.always = min(map(len, changes))
        self.steps = next(steps for steps in changes if len(steps) == usual)
        self.report.expect(
            f"keys change {COUNTS} times through the gate", self.always >= LEAST_STEPS, f"in {[*map(len, changes)]} steps")
        for number, step in enumerate(self.steps, 1):
            self.report.note(f"{number:>3} from {step.source.removeprefix('to-')}, {step.length} bytes")

    def _change(self) -> list[Passage]:
        """The segments of one change of keys."""
        self.gate.watch()
        if self.rekey().wait(CHANGE_SECONDS) != 0:
            raise RuntimeError("keys do not change")
        wait(self._is_quiet)
        return self.gate.passed

    def _is_quiet(self) -> bool:
        passed = len(self.gate.passed)
        time.sleep(QUIET_SECONDS)
        return len(self.gate.passed) == passed

    def kills(self) -> None:
        self.report.step(f"3. kill -9 of either side, while each of {len(self.steps)} segments is held back; node-a asks")
        for place in range(1, len(self.steps) + 1):
            for victim in (self.a, self.b):
                before, asking = self._rekey_until(place, lambda: victim.tell(signal.SIGKILL))
                victim.stop(signal.SIGKILL)
                victim.start()
                asking.wait(60)
                self.expect_others(f"{self._name(place)}, {victim.node.name} killed", before)

    def standstills(self) -> None:
        self.report.step(f"4. SIGSTOP of either side for {STANDSTILL_SECONDS} s at {STANDSTILLS} of them; a handshake may take 10 s")
        last = min(self.always, len(self.steps))
        for place in sorted({1 + (last - 1) * number // (STANDSTILLS - 1) for number in range(STANDSTILLS)}):
            for victim in (self.a, self.b):
                before, asking = self._rekey_until(place, lambda: victim.tell(signal.SIGSTOP))
                time.sleep(STANDSTILL_SECONDS)
                victim.tell(signal.SIGCONT)
                asking.wait(60)
                self.expect_others(f"{self._name(place)}, {victim.node.name} stands still", before)

    def judge(self, carried: Carried) -> None:
        self.report.step("6. What became of the traffic of the whole time")
        carried.expect_no_more_lost(self.report, self.plain)
        for daemon in (self.a, self.b):
            drops = daemon.drops()
            self.report.expect(f"{daemon.node.name} has dropped nothing", not drops, drops or None)

    # Parts of the steps

    def rekey(self) -> subprocess.Popen:
        command = [str(binaries() / "psid"), "--config", str(self.a.configuration_file), "peers", "rekey"]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _rekey_until(self, place: int, action: Callable[[], None]) -> tuple[Optional[str], subprocess.Popen]:
        """Returns when the segment is held back and the action done: the epoch before, and who asks for another."""
        for _ in range(TRIES):
            before = wait(self.epoch)
            self.gate.watch(place, action)
            asking = self.rekey()
            wait(lambda: self.gate.has_acted.is_set() or asking.poll() is not None and self._is_quiet(), CHANGE_SECONDS)
            if self.gate.give_up():
                return before, asking
        raise RuntimeError(f"of {TRIES} changes of keys none has a step {place}")

    def expect_others(self, name: str, before: Optional[str]) -> None:
        began = time.monotonic()
        renewed = wait(lambda: self.epoch() not in (before, None), 20)
        self.report.expect(f"{name}: other keys come", renewed, f"{time.monotonic() - began:.1f} s later")

    def _name(self, place: int) -> str:
        step = self.steps[place - 1]
        return f"step {place}, {step.length} bytes of {step.source.removeprefix('to-')}"

    def epoch(self) -> Optional[str]:
        """The one that both nodes use."""
        epoch = self.a.epoch("node-b")
        return epoch if epoch == self.b.epoch("node-a") else None
