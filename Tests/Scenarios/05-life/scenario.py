# SPDX-License-Identifier: Apache-2.0
"""Keys, daemons, pods and nodes come and go under load: see README.md beside this file."""

import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Iterator, Optional

sys.path.insert(0, str(Path(__file__).resolve().parent))

from clocks import set_clocks, set_far_ahead  # noqa: E402
from exclusion import shut_out  # noqa: E402
from reuse import change_hands, keep_from_who_has_not_heard  # noqa: E402
from standstill import stand_still  # noqa: E402

from harness import workloads  # noqa: E402
from harness.capture import Capture  # noqa: E402
from harness.configuration import authority_configuration, node_configuration  # noqa: E402
from harness.daemons import BPF_OBJECT, ESP_PORT, Daemon, binaries, spiffe_id  # noqa: E402
from harness.kernel_state import KernelState, other_build  # noqa: E402
from harness.lifetime import Run  # noqa: E402
from harness.report import Report  # noqa: E402
from harness.topology import Node, TwoNodes  # noqa: E402
from harness.traffic import Calendar, Carried, Traffic  # noqa: E402
from harness.waiting import wait  # noqa: E402

TIME_LIMIT_SECONDS = 600
# Every packet counts, and nobody else is to have the processors.
ALONE = True
TITLE = "Keys, daemons, pods and nodes come and go; the traffic of the others stays"

# Each moment is four kills.
REKEYS, MOMENTS = 100, 5
# All that the machine can.
TCP_RATE = 0
UDP_RATE = 1000
PLAIN_SECONDS = 3
AWAY_SECONDS = 3

B_PORT = "to-node-b"
SHORT_LIVES = """  workload-lifetime: 1m
  node-lifetime: 1m
"""
SHORT_EPOCHS = """
link:
  epoch-lifetime: 10s
"""
OTHER_TABLES = """
tables:
  peers: 2048
"""
WORN_KEYS = ("rekey-packets: 50000", "rekey-bytes: 33554432")


def play(run: Run, report: Report) -> None:
    life = Life(run, report)
    life.in_the_clear()
    life.begin()
    with life.recorded():
        with life.under_load():
            life.rekeys()
            life.restarts()
            life.other_tables()
            life.upgrade()
            life.without_authority()
            life.renewals()
            life.worn_keys()
            set_clocks(life)
        set_far_ahead(life)
        stand_still(life)
        change_hands(life)
        keep_from_who_has_not_heard(life)
        shut_out(life)
    life.wire()


class Life:
    """What the steps share: the machines, the three daemons, the two pods."""

    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        self.net = TwoNodes(run)
        self.machine = self.net.add_node("authority", 3)
        self.web = self.net.add_pod(self.net.a, "web-0", 10)
        self.db = self.net.add_pod(self.net.b, "db-0", 10)
        self.calendar = Calendar()

    # MARK: Before

    def in_the_clear(self) -> None:
        self.report.step(f"1. Without Podshield: the same load for {PLAIN_SECONDS} s")
        ready = wait(lambda: all(workloads.ping(self.web, self.db, family) for family in (4, 6)))
        self.report.expect("the pods reach each other", ready)
        traffic = Traffic(self.run, self.web, self.db, TCP_RATE, UDP_RATE)
        time.sleep(PLAIN_SECONDS)
        self.plain = traffic.stop()
        self.report.expect("what UDP loses here is what it may lose later", self.plain.tcp.is_whole, f"{self.plain.loss:.2%}")

    def begin(self) -> None:
        self.report.step("2. An authority, two nodes, their pods; certificates of a minute, keys of ten seconds")
        self.authority = Daemon(self.run, self.machine, authority_configuration(self.run, self.net, self.machine))
        listen = f'  listen: "{self.machine.address}"\n'
        self.configure(self.authority, listen, listen + SHORT_LIVES)
        self.authority.start()
        self.a, self.b = self._node(self.net.a), self._node(self.net.b)
        for name in ("web", "db", "cache"):
            self._register(name)
        self.a.add_pod(self.web, "web", "web")
        self.b.add_pod(self.db, "db", "db")
        peer = self.a.wait_for_peer("node-b")
        self.report.expect("the nodes have a session", peer is not None, peer and peer["epoch"])

    @contextmanager
    def recorded(self) -> Iterator[None]:
        with Capture(self.run, self.net.wire.namespace, B_PORT) as self.capture:
            yield

    @contextmanager
    def under_load(self) -> Iterator[None]:
        self.before = {daemon.node.name: daemon.drops() for daemon in (self.a, self.b)}
        self.renewed = {
            (daemon.node.name, code): daemon.log.count(code)
            for daemon in (self.a, self.b) for code in (NODE_RENEWED, POD_RECEIVED)
        }
        traffic = Traffic(self.run, self.web, self.db, TCP_RATE, UDP_RATE)
        yield
        self._judge(traffic.stop())

    # MARK: Under load

    def rekeys(self) -> None:
        self.report.step(f"3. New keys, {REKEYS} times; from either side, and from both at once")
        epochs, durations = set(), []
        for number in range(REKEYS):
            self.calendar.note(f"rekey {number}")
            begin = time.monotonic()
            asked = [(self.a,), (self.b,), (self.a, self.b)][number % 3]
            asking = [self._ask_for_keys(daemon) for daemon in asked]
            failed = [process.communicate(timeout=30)[0] for process in asking if process.wait(30) != 0]
            durations.append(time.monotonic() - begin)
            if failed:
                self.report.expect(f"rekey {number}", False, failed)
            # The end that was not asked may hear of it a moment later; a moment after that the next may be under way.
            epochs.add(wait(lambda: self._epoch_beside(epochs)))
        self.report.expect(
            "each time others", len(epochs) == REKEYS and None not in epochs,
            f"{len(epochs)} epochs, {1000 * sum(durations) / len(durations):.0f} ms each with psid's own start",
        )
        self.duration = sorted(durations)[len(durations) // 2]

    def restarts(self) -> None:
        both = (self.a, self.b)
        self.report.step(f"4. {MOMENTS * 4} times kill -9 of either side, at {MOMENTS} moments of a rekey of either side's")
        for moment, asked, victim in product(range(MOMENTS), both, both):
            delay = self.duration * 1.2 * moment / (MOMENTS - 1)
            name = f"{victim.node.name}, {1000 * delay:.0f} ms into a rekey by {asked.node.name}"
            self.calendar.note(f"kill of {name}")
            epoch = self.epoch()
            asking = self._ask_for_keys(asked)
            time.sleep(delay)
            victim.stop(signal.SIGKILL)
            asking.communicate(timeout=60)
            victim.start()
            renewed = wait(lambda: self.epoch() not in (epoch, None))
            self.report.expect(f"{name}: comes back with new keys", renewed)

    def other_tables(self) -> None:
        self.report.step("5. node-b starts with tables of another size than those in the kernel, and with the old ones")
        self.calendar.note("other tables")
        self.b.stop(signal.SIGKILL)
        self.configure(self.b, SHORT_EPOCHS, SHORT_EPOCHS + OTHER_TABLES)
        try:
            self.b.start()
            refused = False
        except RuntimeError:
            refused = NOT_TAKEN_OVER in self.b.log
        self.report.expect("it refuses, and says which", refused, self.b.log.splitlines()[-1])
        time.sleep(1)
        self.configure(self.b, SHORT_EPOCHS + OTHER_TABLES, SHORT_EPOCHS)
        self.b.start()
        self.report.expect("with the old ones it goes on", wait(lambda: self.epoch() is not None))

    def upgrade(self) -> None:
        self.report.step("6. Programs of another build; maps that a newer version wrote, which ours can do with")
        self.calendar.note("upgrade")
        kernel, other = KernelState(self.run, self.net.b), other_build(self.run)
        before = kernel.programs()
        there = self._upgrade("there", kernel, BPF_OBJECT, other)
        changed = all(not there[name] & digests for name, digests in before.items())
        self.report.expect("none of the programs of before is left", changed, there)
        back = self._upgrade("back", kernel, other, BPF_OBJECT)
        self.report.expect("and back again", back == before, back)

    def _upgrade(self, name: str, kernel: KernelState, old: Path, new: Path) -> dict[str, set[str]]:
        """The programs afterwards."""
        epoch, ours = self.epoch(), kernel.version
        self.b.stop(signal.SIGKILL)
        kernel.version = (ours[0] + 1, ours[0])
        self.configure(self.b, f"bpf-object: {old}", f"bpf-object: {new}")
        self.b.start()
        self.report.expect(f"{name}: the maps are taken over, and this version's again", kernel.version == ours, kernel.version)
        self.report.expect(f"{name}: new keys are agreed on", wait(lambda: self.epoch() not in (epoch, None)))
        return kernel.programs()

    def without_authority(self) -> None:
        self.report.step("7. The authority is killed; keys are renewed without it; it comes back")
        self.calendar.note("no authority")
        self.authority.stop(signal.SIGKILL)
        before = self.epoch()
        time.sleep(AWAY_SECONDS)
        outcome = self.a.ask("peers", "rekey")["outcomes"][0]
        self.report.expect("keys are renewed meanwhile", outcome.get("epoch") not in (None, before), outcome)
        self.authority.start()
        connected = wait(lambda: all(daemon.reaches_authority for daemon in (self.a, self.b)), 20)
        self.report.expect("the nodes find it again", connected)

    def renewals(self) -> None:
        self.report.step("8. Certificates of nodes and pods are renewed, epochs end by time")
        self.calendar.note("renewals")
        epochs = {daemon.node.name: daemon.log.count(EPOCH_CONFIRMED) for daemon in (self.a, self.b)}
        for daemon in (self.a, self.b):
            name = daemon.node.name
            for what, code in (("the node's", NODE_RENEWED), ("the pod's", POD_RECEIVED)):
                seen = wait(lambda: daemon.log.count(code) > self.renewed[name, code], 45)
                self.report.expect(f"{name}: {what} certificate is renewed under load", seen)
            seen = wait(lambda: daemon.log.count(EPOCH_CONFIRMED) > epochs[name])
            self.report.expect(f"{name}: an epoch that nobody asked for begins", seen)

    def worn_keys(self) -> None:
        self.report.step("9. Keys that have carried so many packets, or so many bytes, are renewed")
        settings = SHORT_EPOCHS
        for limit in WORN_KEYS:
            self.calendar.note(f"worn keys, {limit}")
            self.a.stop(signal.SIGKILL)
            before, settings = settings, f"{SHORT_EPOCHS.rstrip()}\n  {limit}\n"
            self.configure(self.a, before, settings)
            self.a.start()
            worn = self.a.log.count(KEYS_WORN)
            renewed = wait(lambda: self.a.log.count(KEYS_WORN) > worn + 1, 30)
            self.report.expect(f"{limit}: node-a asks for others, twice", renewed)
            self.report.expect("and has got them", wait(lambda: self.epoch() is not None))

    def _judge(self, carried: Carried) -> None:
        self.report.step("11. What became of the load")
        carried.expect_no_more_lost(self.report, self.plain, self.calendar)
        for daemon in (self.a, self.b):
            drops = daemon.drops()
            fresh = {reason: count - self.before[daemon.node.name].get(reason, 0) for reason, count in drops.items()}
            # The pod that is added in vain has no identity, and may speak; what a pod of the load loses is counted with that.
            fresh = {reason: count for reason, count in fresh.items() if count and reason != NO_IDENTITY}
            self.report.expect(f"{daemon.node.name} has dropped nothing", not fresh, fresh or None)

    # MARK: What the wire has seen

    def wire(self) -> None:
        self.report.step("16. What the wire has seen in all that time")
        found = self.capture.examine(ESP_PORT, self.net.protected)
        self.report.expect("the recording is complete", found.missed == 0, f"{found.packets} packets, {found.missed} missed")
        self.report.expect(
            "no (SPI, sequence number) twice", not found.repeats and found.sealed > 10_000,
            f"{found.sealed} sealed packets of {found.associations} SAs; {found.repeats[:3] or 'no repetition'}",
        )
        self.report.expect("of the pods nothing in the clear", found.clear == 0, f"{found.clear} packets")

    # MARK: Parts of the steps

    def _node(self, node: Node) -> Daemon:
        token = self.authority.ask("token", "generate", "--node", node.name)
        daemon = Daemon(self.run, node, node_configuration(self.run, self.net, token, node) + SHORT_EPOCHS)
        daemon.start()
        return daemon

    def _register(self, name: str) -> None:
        node = "node-a" if name == "web" else "node-b"
        self.authority.psid(
            "entry", "create", "--spiffe-id", self.id(name), "--node", node, "--label", f"app={name}",
        )

    def id(self, name: str) -> str:
        return spiffe_id(f"ns/shop/sa/{name}")

    def configure(self, daemon: Daemon, old: str, new: str) -> None:
        """For its next start."""
        text = daemon.configuration_file.read_text()
        if old not in text:
            raise ValueError(f"{daemon.node.name}'s configuration has no {old!r}")
        daemon.configuration_file.write_text(text.replace(old, new))

    def _ask_for_keys(self, daemon: Daemon) -> subprocess.Popen:
        command = [str(binaries(daemon.node) / "psid"), "--config", str(daemon.configuration_file), "peers", "rekey"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def _epoch_beside(self, known: set[Optional[str]]) -> Optional[str]:
        epoch = self.epoch()
        return None if epoch in known else epoch

    def epoch(self) -> Optional[str]:
        """The one that both nodes use."""
        epoch = self.a.epoch("node-b")
        return epoch if epoch == self.b.epoch("node-a") else None


# In the daemons' logs.
NODE_RENEWED, POD_RECEIVED, EPOCH_CONFIRMED, KEYS_WORN = " PSD3006 ", " PSD3008 ", " PSD4006 ", " PSD4016 "
NOT_TAKEN_OVER = "PSD6008"
NO_IDENTITY = "no-identity"
