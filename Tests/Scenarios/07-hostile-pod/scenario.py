# SPDX-License-Identifier: Apache-2.0
"""Whatever a pod sends, nothing of it is readable on the wire: see README.md beside this file."""

import time

from harness import workloads
from harness.configuration import node_configuration, standalone_configuration
from harness.daemons import Daemon, spiffe_id
from harness.hostile_frames import CANARY, OWN, Frames
from harness.lifetime import Run
from harness.namespaces import Namespace, join
from harness.packets import concerns
from harness.report import Report
from harness.topology import Node, Pod, TwoNodes

TITLE = "A hostile pod: whatever it sends, nothing of it is readable on the wire"

SECOND_WAY = "second"


def play(run: Run, report: Report) -> None:
    hostile = Hostile(run, report)
    hostile.in_the_clear()
    hostile.unknown_pod()
    hostile.known_pod()
    hostile.removed_pod()
    hostile.second_way()


class Hostile:
    """What the steps share: the machines, the pods and their frames."""

    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        self.net = TwoNodes(run)
        self.web = self.net.add_pod(self.net.a, "web-0", 10)
        self.rogue = self.net.add_pod(self.net.a, "rogue", 66)
        self.db = self.net.add_pod(self.net.b, "db-0", 10)
        self.other = Namespace(run, "other")
        self.a = Daemon(run, self.net.a, standalone_configuration(run, self.net))

    def in_the_clear(self) -> None:
        self.report.step("1. Without Podshield")
        # Neighbours that are not known yet would hold frames back, or lose them.
        self.report.expect("the pods reach each other", self._reach_each_other())
        kinds, _, _ = self._send(self.rogue)
        self.report.expect("the wire can read what the pod sends as its own", kinds.issuperset(OWN), sorted(kinds))
        self._open_second_way("none")
        kinds = self._seen_there("none")
        self.report.expect("so can who has the second way", "udp4" in kinds, sorted(kinds))
        self._close_second_way()

    def unknown_pod(self) -> None:
        self.report.step("2. Both nodes run; rogue is unknown to Podshield")
        self._start()
        self._expect_silence(self.rogue)

    def known_pod(self) -> None:
        self.report.step("3. web-0, which has an identity")
        clear, others, arrived = self._send(self.web)
        self.report.expect("what is its own arrives", arrived.issuperset(OWN), sorted(arrived))
        self.report.expect("nothing is readable on the wire", not clear and not others, sorted(clear) or f"{others} frames")
        strange = arrived.difference(OWN)
        self.report.expect("nothing else arrives", not strange, sorted(strange))

    def removed_pod(self) -> None:
        self.report.step("4. web-0 once it is removed")
        self.a.psid("pod", "remove", self.web.name)
        self._expect_silence(self.web)

    def second_way(self) -> None:
        self.report.step("5. A second way to db-0")
        self._open_second_way("one")
        self._expect_silence_there("one", "a device that comes later")
        index = self._index(self.net.a, SECOND_WAY)
        self._close_second_way()
        self._open_second_way("two", index)
        self.report.expect("it comes again under the same index", self._index(self.net.a, SECOND_WAY) == index, index)
        self._expect_silence_there("two", "the device that took its place")

    # Parts of the steps

    def _reach_each_other(self, timeout: float = 10) -> bool:
        deadline = time.monotonic() + timeout
        while not all(workloads.ping(self.rogue, self.db, family) for family in (4, 6)):
            if time.monotonic() > deadline:
                return False
        return True

    def _start(self) -> None:
        self.a.start()
        token = self.a.ask("token", "generate", "--node", "node-b")
        self.b = Daemon(self.run, self.net.b, node_configuration(self.run, self.net, token))
        self.b.start()
        for name, node in (("web", "node-a"), ("db", "node-b")):
            identity = spiffe_id(f"ns/shop/sa/{name}")
            self.a.psid("entry", "create", "--spiffe-id", identity, "--node", node, "--label", f"app={name}")
        self.a.add_pod(self.web, "web", "web")
        self.b.add_pod(self.db, "db", "db")
        self.report.expect("the nodes have a session", self.a.wait_for_peer("node-b") is not None)

    def _send(self, pod: Pod) -> tuple[set[str], int, set[str]]:
        """Kinds that the wire could read, frames there that name a pod, and kinds that reached db-0."""
        kinds = Frames(self.net, pod, self.db).kinds()
        with self.net.wire.tap("to-node-b") as wire, self.db.namespace.tap("eth0") as target:
            self._emit(pod, kinds)
            time.sleep(0.5)
        named = sum(concerns(frame, self.net.protected) for frame in wire.frames)
        return self._seen(kinds, wire.frames), named, self._seen(kinds, target.frames)

    def _emit(self, pod: Pod, kinds: dict[str, list[bytes]]) -> None:
        with pod.namespace.packet_socket("eth0") as raw:
            for frame in (frame for frames in kinds.values() for frame in frames):
                raw.send(frame)

    def _seen(self, kinds: dict[str, list[bytes]], frames: list[bytes]) -> set[str]:
        return {kind for kind in kinds if any(CANARY + kind.encode() + b"." in frame for frame in frames)}

    def _expect_silence(self, pod: Pod) -> None:
        clear, others, arrived = self._send(pod)
        self.report.expect("nothing is readable on the wire", not clear and not others, sorted(clear) or f"{others} frames")
        self.report.expect("nothing arrives", not arrived, sorted(arrived))

    def _open_second_way(self, far: str, index: int = 0) -> None:
        if index:
            self.net.a.namespace.ip(
                "link", "add", SECOND_WAY, "index", str(index), "type", "veth", "peer", "name", far, "netns",
                self.other.full_name,
            )
            self.net.a.namespace.ip("link", "set", SECOND_WAY, "up")
            self.other.ip("link", "set", far, "up")
        else:
            join(self.other, far, self.net.a.namespace, SECOND_WAY)
        self.net.a.namespace.ip("address", "add", "198.51.100.1/24", "dev", SECOND_WAY)
        self.other.ip("address", "add", "198.51.100.2/24", "dev", far)
        address = self.other.mac(far)
        self.net.a.namespace.ip("neighbour", "add", "198.51.100.2", "lladdr", address, "dev", SECOND_WAY)
        self.net.a.namespace.ip("route", "replace", self.net.b.pod_prefix_v4, "via", "198.51.100.2")
        # The daemon hears of the device from the kernel.
        time.sleep(0.5)

    def _close_second_way(self) -> None:
        self.net.a.namespace.ip("link", "delete", SECOND_WAY)
        self.net.a.namespace.ip("route", "replace", self.net.b.pod_prefix_v4, "via", self.net.b.v4)

    def _seen_there(self, far: str) -> set[str]:
        kinds = Frames(self.net, self.rogue, self.db).kinds()
        with self.other.tap(far) as tap:
            self._emit(self.rogue, kinds)
            time.sleep(0.5)
        return self._seen(kinds, tap.frames)

    def _expect_silence_there(self, far: str, name: str) -> None:
        clear = self._seen_there(far)
        self.report.expect(f"nothing leaves by {name}", not clear, sorted(clear))
        self.report.expect(f"{name} is watched", SECOND_WAY in self.a.ask("status")["datapath"]["uplinks"])

    def _index(self, node: Node, device: str) -> int:
        return int(node.namespace.run("ip", "-o", "link", "show", "dev", device).split(":")[0])
