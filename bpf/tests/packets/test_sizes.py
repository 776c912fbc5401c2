# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""What is too large for the way, or has come too far: answers by ICMP, super-packets, the MSS of TCP."""

import itertools

import pytest
from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6
from scapy.packet import Raw

from bench.abi import Hook, Reason, Stamp
from bench.datapath import Result, Verdict
from bench.esp import parsed
from bench.expect import answered, dropped, passed, redirected
from bench.node import DB_ADDRESS, PEERS, WEB, WEB_ADDRESS, WORLD, Node
from bench.packets import largest_inner, checksums_hold, forwarded, tcp, udp, udp_of_size

FAMILIES = (4, 6)
COMBINATIONS = list(itertools.product(FAMILIES, FAMILIES))


def dropped_here(result: Result, reason: Reason) -> None:
    dropped(result, reason, Hook.FROM_POD)


# Sizes


@pytest.mark.parametrize("inner, outer", COMBINATIONS)
@pytest.mark.parametrize("peer_mtu, pod_mtu", ((1500, 0), (1492, 0), (1500, 1380), (1420, 1380), (1500, 1500)))
def test_too_big_is_answered(node: Node, inner: int, outer: int, peer_mtu: int, pod_mtu: int) -> None:
    peer, web = PEERS[outer], node.devices.web
    node.datapath.add_peer(peer.number, peer.local, peer.remote, mtu=peer_mtu)
    node.datapath.add_pod(web.index, web.far_mac, WEB, *WEB_ADDRESS.values(), mtu=pod_mtu)
    most = min(largest_inner(peer_mtu, outer), pod_mtu or peer_mtu)
    fields = {"flags": "DF"} if inner == 4 else {}
    redirected(node.from_pod(udp_of_size(WEB_ADDRESS[inner], peer.pod(inner), most, **fields)), Reason.SEALED)
    for size in (most + 1, 1501, 3000):
        packet = udp_of_size(WEB_ADDRESS[inner], peer.pod(inner), size, **fields)
        result = node.from_pod(packet)
        answered(result, Reason.TOO_BIG, Hook.FROM_POD)
        assert_icmp_error(node, result, packet, {4: (3, 4), 6: (2, 0)}[inner])
        assert reported_mtu(result.packet) == most
    assert node.datapath.sequence(peer.outbound) == 1


def test_ipv4_without_df_is_answered_too(node: Node) -> None:
    """We do not fragment; a sender that does not listen to ICMP is one whose packets do not fit."""
    packet = udp_of_size(WEB_ADDRESS[4], PEERS[4].pod(4), 1500)
    result = node.from_pod(packet)
    answered(result, Reason.TOO_BIG, Hook.FROM_POD)
    assert_icmp_error(node, result, packet, (3, 4))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("hop_limit", (0, 1))
def test_a_hop_limit_that_runs_out_is_answered(node: Node, family: int, hop_limit: int) -> None:
    fields = {"ttl" if family == 4 else "hlim": hop_limit}
    packet = udp(WEB_ADDRESS[family], PEERS[4].pod(family), **fields)
    result = node.from_pod(packet)
    answered(result, Reason.HOP_LIMIT, Hook.FROM_POD)
    assert_icmp_error(node, result, packet, {4: (11, 0), 6: (3, 0)}[family])
    assert node.datapath.sequence(PEERS[4].outbound) == 0


def test_icmp_errors_are_not_answered(node: Node) -> None:
    """RFC 1122 3.2.2, RFC 4443 2.4: no error about an error, or two hosts may keep each other busy."""
    for packet in (
        IP(src=WEB_ADDRESS[4], dst=PEERS[4].pod(4), ttl=1) / ICMP(type=3, code=1) / bytes(28),
        IP(src=WEB_ADDRESS[4], dst=PEERS[4].pod(4), flags="DF") / ICMP(type=3, code=1) / bytes(1500),
        IPv6(src=WEB_ADDRESS[6], dst=PEERS[4].pod(6), hlim=1) / ICMPv6DestUnreach() / Raw(bytes(48)),
    ):
        result = node.from_pod(bytes(packet))
        assert result.verdict == Verdict.DROP
        assert result.reasons <= {Reason.HOP_LIMIT, Reason.TOO_BIG}


def test_later_fragments_are_not_answered(node: Node) -> None:
    """RFC 1122 3.2.2: errors quote a first fragment or none."""
    packet = udp(WEB_ADDRESS[4], PEERS[4].pod(4), ttl=1, frag=100)
    result = node.from_pod(packet)
    assert result.verdict == Verdict.DROP and result.reasons <= {Reason.HOP_LIMIT, Reason.FRAGMENT}


def assert_icmp_error(node: Node, result: Result, about: bytes, type_and_code: tuple[int, int]) -> None:
    """To the pod, from an address that is no pod's, quoting what was sent; checksums hold, to_pod lets it in."""
    error, packet = parsed(result.packet), parsed(about)
    message = bytes(error.payload)
    assert error.dst == packet.src and error.src not in (packet.src, *DB_ADDRESS.values())
    assert (message[0], message[1]) == type_and_code
    quoted = message[8:]
    assert len(quoted) >= min(len(about), 28 if packet.version == 4 else 48) and about.startswith(quoted)
    limit = 576 if packet.version == 4 else 1280
    assert len(result.packet) <= limit
    kept = bytes(error)
    if error.version == 4:
        del error[IP].chksum, error[ICMP].chksum
        assert error.proto == 1 and error.len == len(result.packet)
    else:
        del error.payload.cksum
        assert error.nh == 58 and error.plen == len(result.packet) - 40
    assert bytes(error) == kept
    web = node.devices.web
    assert result.frame[:6].hex(":") == web.far_mac
    assert result.stamp == Stamp.OPENED


def reported_mtu(packet: bytes) -> int:
    message = bytes(parsed(packet).payload)
    return int.from_bytes(message[6:8] if packet[0] >> 4 == 4 else message[4:8], "big")


def test_super_packets_are_not_sealed(node: Node) -> None:
    packet = tcp(WEB_ADDRESS[4], PEERS[4].pod(4), "A", length=1000)
    for segments in (2, 3, 40):
        dropped_here(node.from_pod(packet, gso_segs=segments, gso_size=500), Reason.GSO)
    redirected(node.from_pod(packet, gso_segs=1, gso_size=0), Reason.SEALED)


def test_super_packets_to_others_are_the_kernels(node: Node) -> None:
    """The stack cuts what does not pass our seal."""
    for destination, reason in ((DB_ADDRESS[4], Reason.LOCAL), (WORLD[4], Reason.WORLD)):
        passed(node.from_pod(tcp(WEB_ADDRESS[4], destination, "A", length=1000), gso_segs=2, gso_size=500), reason)


# TCP's own idea of sizes


@pytest.mark.parametrize("inner, outer", COMBINATIONS)
@pytest.mark.parametrize("flags", ("S", "SA"))
def test_mss_is_clamped(node: Node, inner: int, outer: int, flags: str) -> None:
    peer = PEERS[outer]
    most = largest_inner(1500, outer) - (40 if inner == 4 else 60)
    for offered in (1460, most + 1, most, most - 1, 536, 0xFFFF):
        packet = tcp(WEB_ADDRESS[inner], peer.pod(inner), flags, mss=offered)
        result = node.from_pod(packet)
        redirected(result, Reason.SEALED)
        arrived = peer.outbound.opened(result.packet)
        assert dict(parsed(arrived)[TCP].options)["MSS"] == min(offered, most)
        assert checksums_hold(arrived)


@pytest.mark.parametrize("family", FAMILIES)
def test_other_segments_stay_as_they_are(node: Node, family: int) -> None:
    peer = PEERS[4]
    for packet in (
        tcp(WEB_ADDRESS[family], peer.pod(family), "S"),
        tcp(WEB_ADDRESS[family], peer.pod(family), "A", mss=9000),
        tcp(WEB_ADDRESS[family], peer.pod(family), "PA", length=500),
    ):
        result = node.from_pod(packet)
        redirected(result, Reason.SEALED)
        assert peer.outbound.opened(result.packet) == forwarded(packet)


BROKEN_OPTIONS = ("02", "020405", "020005b4", "05ff0000", "0300", "000204ff")


@pytest.mark.parametrize("options", BROKEN_OPTIONS)
def test_broken_options_harm_nobody(node: Node, options: str) -> None:
    """An option that ends beyond the header, or nowhere."""
    padded = bytes.fromhex(options).ljust(8, b"\x01")
    header = bytes(TCP(sport=1, dport=2, flags="S", dataofs=7))[:20]
    packet = bytes(IP(src=WEB_ADDRESS[4], dst=PEERS[4].pod(4), proto=6) / Raw(header + padded))
    result = node.from_pod(packet)
    if result.verdict == Verdict.REDIRECT:
        assert len(PEERS[4].outbound.opened(result.packet)) == len(packet)
    else:
        assert result.reasons == {Reason.MALFORMED}
