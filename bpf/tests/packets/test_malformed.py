# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""Packets from a pod that are cut, broken or not IP."""

from typing import Callable

import pytest
from scapy.layers.inet import ICMP, IP, UDP, IPOption_RR
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrRouting
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from bench.abi import Hook, Reason
from bench.datapath import Result, Verdict
from bench.expect import dropped, redirected
from bench.node import DB_ADDRESS, PEERS, UNKNOWN, WEB_ADDRESS, WORLD, Node
from bench.packets import forwarded, udp

FAMILIES = (4, 6)


def dropped_here(result: Result, reason: Reason) -> None:
    dropped(result, reason, Hook.FROM_POD)


@pytest.mark.parametrize("family", FAMILIES)
def test_fragments_of_inner_packets_are_sealed_whole(node: Node, family: int) -> None:
    """They are packets between two pods like any other: addresses decide, ports do not."""
    peer = PEERS[4]
    if family == 4:
        fragments = [IP(src=WEB_ADDRESS[4], dst=peer.pod(4), id=9, flags="MF") / UDP(len=2000) / bytes(500)]
        fragments += [IP(src=WEB_ADDRESS[4], dst=peer.pod(4), id=9, frag=100, proto=17) / bytes(300)]
    else:
        ends = {"src": WEB_ADDRESS[6], "dst": peer.pod(6)}
        fragments = [IPv6(**ends) / IPv6ExtHdrFragment(nh=17, m=1, id=9) / UDP(len=2000, chksum=1) / bytes(504)]
        fragments += [IPv6(**ends) / IPv6ExtHdrFragment(nh=17, offset=64, id=9) / bytes(304)]
    for packet in map(bytes, fragments):
        result = node.from_pod(packet)
        redirected(result, Reason.SEALED)
        assert peer.outbound.opened(result.packet) == forwarded(packet)


BROKEN: dict[str, Callable[[], bytes]] = {
    "shorter than it says": lambda: udp(WEB_ADDRESS[4], PEERS[4].pod(4), 100)[:100],
    "header of 16 bytes": lambda: b"\x44" + udp(WEB_ADDRESS[4], PEERS[4].pod(4))[1:],
    "header beyond the end": lambda: b"\x4f" + udp(WEB_ADDRESS[4], PEERS[4].pod(4), 0)[1:],
    "length less than the header": lambda: bytes(IP(src=WEB_ADDRESS[4], dst=PEERS[4].pod(4), len=19) / bytes(20)),
    "length 0": lambda: bytes(IP(src=WEB_ADDRESS[4], dst=PEERS[4].pod(4), len=0) / bytes(20)),
    "IPv6, shorter than it says": lambda: udp(WEB_ADDRESS[6], PEERS[4].pod(6), 100)[:120],
}


@pytest.mark.parametrize("name", BROKEN)
def test_lengths_must_hold(node: Node, name: str) -> None:
    dropped_here(node.from_pod(BROKEN[name]()), Reason.MALFORMED)


def test_version_and_ethernet_type_must_agree(node: Node) -> None:
    devices = node.devices
    for kind, family in ((0x86DD, 4), (0x0800, 6)):
        packet = udp(WEB_ADDRESS[family], PEERS[4].pod(family))
        frame = Ether(src=devices.web.far_mac, dst=devices.web.mac, type=kind) / Raw(packet)
        dropped_here(node.from_pod(frame), Reason.MALFORMED)


@pytest.mark.parametrize("kind", (0x88CC, 0x8847, 0x8863, 0x22F0, 0x0000))
def test_other_protocols_are_not_carried(node: Node, kind: int) -> None:
    devices = node.devices
    frame = Ether(src=devices.web.far_mac, dst=devices.web.mac, type=kind) / Raw(bytes(64))
    dropped_here(node.from_pod(frame), Reason.UNSUPPORTED)


def test_a_vlan_tag_hides_nothing(node: Node) -> None:
    devices = node.devices
    ethernet = Ether(src=devices.web.far_mac, dst=devices.web.mac)
    frame = ethernet / Dot1Q(vlan=5) / IP(udp(DB_ADDRESS[4], WORLD[4]))
    result = node.from_pod(frame)
    assert result.verdict == Verdict.DROP and result.reasons <= {Reason.UNSUPPORTED, Reason.SPOOFED_SOURCE}


@pytest.mark.parametrize("destination", (PEERS[4].pod_v6, DB_ADDRESS[6], WORLD[6], UNKNOWN[6]))
def test_a_routing_header_is_not_followed(node: Node, destination: str) -> None:
    """Where it goes in the end is not what its destination says."""
    header = IPv6ExtHdrRouting(addresses=[WORLD[6]], segleft=1)
    packet = IPv6(src=WEB_ADDRESS[6], dst=destination) / header / UDP() / b"by the way"
    dropped_here(node.from_pod(bytes(packet)), Reason.UNSUPPORTED)


@pytest.mark.parametrize("count", (1, 6, 7, 30))
def test_extension_headers_are_bounded(node: Node, count: int) -> None:
    peer = PEERS[4]
    packet = IPv6(src=WEB_ADDRESS[6], dst=peer.pod(6))
    for _ in range(count):
        packet /= IPv6ExtHdrDestOpt()
    packet = bytes(packet / UDP() / b"deep inside")
    result = node.from_pod(packet)
    if count <= 6:
        redirected(result, Reason.SEALED)
        assert peer.outbound.opened(result.packet) == forwarded(packet)
    else:
        dropped_here(result, Reason.UNSUPPORTED)


@pytest.mark.parametrize("length", (1, 2, 8, 31))
def test_an_extension_header_ends_within_the_packet(node: Node, length: int) -> None:
    packet = IPv6(src=WEB_ADDRESS[6], dst=PEERS[4].pod(6), nh=60) / Raw(bytes([17, length]) + bytes(6))
    dropped_here(node.from_pod(bytes(packet)), Reason.MALFORMED)


@pytest.mark.parametrize("protocol", (1, 2, 47, 50, 132, 255))
def test_any_protocol_within_ip_is_carried(node: Node, protocol: int) -> None:
    peer = PEERS[4]
    for packet in (
        bytes(IP(src=WEB_ADDRESS[4], dst=peer.pod(4), proto=protocol) / Raw(bytes(40))),
        bytes(IPv6(src=WEB_ADDRESS[6], dst=peer.pod(6), nh=protocol) / Raw(bytes(40))),
    ):
        result = node.from_pod(packet)
        redirected(result, Reason.SEALED)
        assert peer.outbound.opened(result.packet) == forwarded(packet)


def test_pings_with_options_and_headers(node: Node) -> None:
    peer = PEERS[4]
    for packet in (
        IP(src=WEB_ADDRESS[4], dst=peer.pod(4), options=IPOption_RR(length=7)) / ICMP() / b"ping",
        IPv6(src=WEB_ADDRESS[6], dst=peer.pod(6)) / IPv6ExtHdrDestOpt() / ICMPv6EchoRequest(data=b"ping"),
    ):
        result = node.from_pod(bytes(packet))
        redirected(result, Reason.SEALED)
        assert peer.outbound.opened(result.packet) == forwarded(bytes(packet))
