# SPDX-License-Identifier: Apache-2.0
"""Whatever a pod sends, nothing of it is readable on the wire: see README.md beside this file."""

import time
from typing import Iterator

from scapy.layers.inet import IP, TCP, UDP, IPOption, IPOption_LSRR, fragment
from scapy.layers.inet6 import (
    IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, fragment6,
)
from scapy.layers.l2 import LLC, SNAP, Dot1AD, Dot1Q, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.packet import Packet, Raw

from harness import workloads
from harness.configuration import node_configuration, standalone_configuration
from harness.daemons import TRUST_DOMAIN, Daemon
from harness.lifetime import Run
from harness.namespaces import Namespace, join
from harness.packets import concerns
from harness.report import Report
from harness.topology import Node, Pod, TwoNodes

TITLE = "A hostile pod: whatever it sends, nothing of it is readable on the wire"

CANARY = b"canary-"
# What a pod may send as its own, and another pod gets.
OWN = ("udp4", "udp6", "tcp4", "proto253", "fragments4", "fragments6", "destination-options6", "hop-by-hop6", "options4", "ipip")
SECOND_WAY = "second"


def play(run: Run, report: Report) -> None:
    hostile = Hostile(run, report)
    hostile.in_the_clear()
    hostile.unknown_pod()
    hostile.known_pod()
    hostile.removed_pod()
    hostile.second_way()


class Frames:
    """The frames of one pod towards another, by kind; each carries the name of its kind."""

    def __init__(self, net: TwoNodes, pod: Pod, target: Pod) -> None:
        self._pod, self._target, self._far = pod, target, net.b
        self._source = pod.namespace.mac("eth0")
        self._gateway = net.a.namespace.mac(pod.host_interface)

    def kinds(self) -> dict[str, list[bytes]]:
        return {name: [bytes(frame) for frame in frames] for name, frames in self._all()}

    def _all(self) -> Iterator[tuple[str, list[Packet]]]:
        yield from self._own()
        yield from self._framed()
        yield from self._addressed()
        yield from self._broken()

    def _own(self) -> Iterator[tuple[str, list[Packet]]]:
        yield "udp4", [self._frame() / self._v4() / self._udp("udp4")]
        yield "udp6", [self._frame() / self._v6() / self._udp("udp6")]
        yield "tcp4", [self._frame() / self._v4() / TCP(dport=80) / self._text("tcp4")]
        yield "proto253", [self._frame() / self._v4(proto=253) / self._text("proto253")]
        long4 = self._v4() / UDP(sport=1, dport=2) / self._text("fragments4", 60)
        yield "fragments4", [self._frame() / part for part in fragment(long4, 400)]
        long6 = self._v6() / IPv6ExtHdrFragment(id=7) / UDP(sport=1, dport=2) / self._text("fragments6", 60)
        yield "fragments6", [self._frame() / part for part in fragment6(long6, 400)]
        for name, header in (("destination-options6", IPv6ExtHdrDestOpt()), ("hop-by-hop6", IPv6ExtHdrHopByHop())):
            yield name, [self._frame() / self._v6() / header / self._udp(name)]
        yield "options4", [self._frame() / self._v4(options=[IPOption(b"\x94\x04\0\0")]) / self._udp("options4")]
        yield "ipip", [self._frame() / self._v4() / self._v4() / self._udp("ipip")]

    def _framed(self) -> Iterator[tuple[str, list[Packet]]]:
        for name, tags in (
            ("vlan", Dot1Q(vlan=5)), ("double-vlan", Dot1AD(vlan=5) / Dot1Q(vlan=6)), ("pppoe", PPPoE() / PPP()),
            ("llc", LLC() / SNAP(code=0x800)),
        ):
            yield name, [self._frame() / tags / self._v4() / self._udp(name)]
        yield "broadcast-frame", [
            Ether(src=self._source, dst="ff:ff:ff:ff:ff:ff") / self._v4() / self._udp("broadcast-frame")
        ]

    def _addressed(self) -> Iterator[tuple[str, list[Packet]]]:
        far4, far6 = self._far.v4, self._far.v6
        routed = IPv6(src=self._pod.v6, dst=far6) / IPv6ExtHdrRouting(addresses=[self._target.v6], segleft=1)
        yield "routing-header6", [self._frame() / routed / self._udp("routing-header6")]
        loose = IP(src=self._pod.v4, dst=far4, options=[IPOption_LSRR(routers=[self._target.v4])])
        yield "source-route4", [self._frame() / loose / self._udp("source-route4")]
        for name, source in (("from-nobody", "0.0.0.0"), ("from-another", "10.42.2.99"), ("from-unknown", "10.42.1.99")):
            yield name, [self._frame() / IP(src=source, dst=self._target.v4) / self._udp(name)]
        for name, target in (("to-unknown", "10.42.2.77"), ("multicast", "224.0.0.251"), ("broadcast", "255.255.255.255")):
            yield name, [self._frame() / IP(src=self._pod.v4, dst=target) / self._udp(name)]
        yield "to-unknown6", [self._frame() / IPv6(src=self._pod.v6, dst="fd42:0:0:2::77") / self._udp("to-unknown6")]
        mapped = IPv6(src=f"::ffff:{self._pod.v4}", dst=f"::ffff:{self._target.v4}")
        yield "mapped6", [self._frame() / mapped / self._udp("mapped6")]

    def _broken(self) -> Iterator[tuple[str, list[Packet]]]:
        packet = bytes(self._v4() / self._udp("version"))
        yield "version", [Ether(src=self._source, dst=self._gateway, type=0x800) / Raw(b"\x65" + packet[1:])]
        yield "length", [self._frame() / IP(src=self._pod.v4, dst=self._target.v4, len=20) / self._udp("length")]

    # Parts of frames

    def _frame(self) -> Packet:
        return Ether(src=self._source, dst=self._gateway)

    def _v4(self, **fields: object) -> Packet:
        return IP(src=self._pod.v4, dst=self._target.v4, **fields)

    def _v6(self) -> Packet:
        return IPv6(src=self._pod.v6, dst=self._target.v6)

    def _udp(self, name: str) -> Packet:
        return UDP(sport=1, dport=2) / self._text(name)

    def _text(self, name: str, times: int = 3) -> Packet:
        return Raw((CANARY + name.encode() + b".") * times)


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
            spiffe_id = f"spiffe://{TRUST_DOMAIN}/ns/shop/sa/{name}"
            self.a.psid("entry", "create", "--spiffe-id", spiffe_id, "--node", node, "--label", f"app={name}")
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
