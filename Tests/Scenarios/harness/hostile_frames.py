"""Whatever frames a pod can make."""

from typing import Iterator

from scapy.layers.inet import IP, TCP, UDP, IPOption, IPOption_LSRR, fragment
from scapy.layers.inet6 import (
    IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, fragment6,
)
from scapy.layers.l2 import LLC, SNAP, Dot1AD, Dot1Q, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.packet import Packet, Raw

from .topology import Pod, TwoNodes

CANARY = b"canary-"
# What a pod may send as its own, and another pod gets.
OWN = ("udp4", "udp6", "tcp4", "proto253", "fragments4", "fragments6", "destination-options6", "hop-by-hop6", "options4", "ipip")


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
