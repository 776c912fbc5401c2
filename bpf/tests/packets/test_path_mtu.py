# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""What routers between the nodes say of our sealed packets (RFC 1191, RFC 8201), and who is believed."""

import struct
import time
from typing import Callable

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6
from scapy.packet import Raw

from bench.abi import Hook, Reason
from bench.datapath import Verdict
from bench.esp import SA, parsed
from bench.expect import answered, redirected
from bench.node import PEERS, WEB, WEB_ADDRESS, WORLD, Node
from bench.packets import largest_inner, udp, udp_of_size

FAMILIES = (4, 6)
ROUTER = {4: "203.0.113.1", 6: "2001:db8:aaaa::1"}
FLOOR = {4: 576, 6: 1280}
# A router quotes at least this much: IP header, UDP, the beginning of ESP.
QUOTE = {4: 20 + 8 + 8, 6: 40 + 8 + 8}
# Between two searches for the SA that is meant.
PAUSE_SECONDS = 0.011


def sent(node: Node, outer: int, count: int = 1) -> bytes:
    """The last of some packets that web has sent to the peer, as it was on the wire."""
    peer = PEERS[outer]
    results = [node.from_pod(udp(WEB_ADDRESS[4], peer.pod(4))) for _ in range(count)]
    redirected(results[-1], Reason.SEALED)
    return results[-1].packet


def too_big(quoted: bytes, mtu: int, to: str, quote: int = 128) -> bytes:
    """A router's word about a packet, to whoever is said to have sent it."""
    if ":" in to:
        return bytes(IPv6(src=ROUTER[6], dst=to) / ICMPv6PacketTooBig(mtu=mtu) / quoted[:quote])
    return bytes(IP(src=ROUTER[4], dst=to) / ICMP(type=3, code=4, nexthopmtu=mtu) / quoted[:quote])


def hear(node: Node, packet: bytes) -> None:
    """It reaches the host's stack in any case."""
    time.sleep(PAUSE_SECONDS)
    result = node.from_uplink(packet)
    assert (result.verdict, result.packet, result.reasons) == (Verdict.PASS, packet, {Reason.NOT_OURS})


def limit(node: Node, outer: int) -> int:
    """The MTU that web is told now, when it sends too much."""
    result = node.from_pod(udp_of_size(WEB_ADDRESS[4], PEERS[outer].pod(4), 1501, flags="DF"))
    answered(result, Reason.TOO_BIG, Hook.FROM_POD)
    return int.from_bytes(bytes(parsed(result.packet).payload)[6:8], "big")


@pytest.mark.parametrize("outer", FAMILIES)
@pytest.mark.parametrize("mtu", (1400, 1300, 1280))
@pytest.mark.parametrize("quote", ("least", "most"))
def test_a_narrow_path_is_learnt(node: Node, outer: int, mtu: int, quote: str) -> None:
    packet = sent(node, outer)
    assert limit(node, outer) == largest_inner(1500, outer)
    hear(node, too_big(packet, mtu, PEERS[outer].local, QUOTE[outer] if quote == "least" else 128))
    assert limit(node, outer) == largest_inner(mtu, outer)
    assert limit(node, 10 - outer) == largest_inner(1500, 10 - outer), "of this peer's path only"


def test_ipv4_may_be_as_narrow_as_576(node: Node) -> None:
    hear(node, too_big(sent(node, 4), 576, PEERS[4].local))
    assert limit(node, 4) == largest_inner(576, 4)


@pytest.mark.parametrize("outer", FAMILIES)
def test_a_path_is_not_wider_than_the_peer_says(node: Node, outer: int) -> None:
    hear(node, too_big(sent(node, outer), 9000, PEERS[outer].local))
    assert limit(node, outer) == largest_inner(1500, outer)


@pytest.mark.parametrize("outer", FAMILIES)
def test_earlier_packets_are_remembered(node: Node, outer: int) -> None:
    """The router's word needs its time; until then, more have been sent."""
    first = sent(node, outer)
    sent(node, outer, 50)
    hear(node, too_big(first, 1400, PEERS[outer].local))
    assert limit(node, outer) == largest_inner(1400, outer)


def with_esp(packet: bytes, outer: int, place: int, value: int) -> bytes:
    """A packet with another SPI (place 0) or sequence (place 4)."""
    at = QUOTE[outer] - 8 + place
    return packet[:at] + value.to_bytes(4, "big") + packet[at + 4 :]


LIES: dict[str, Callable[[bytes, int], bytes]] = {
    "an SPI that is not ours": lambda packet, outer: with_esp(packet, outer, 0, 0x5A5A5A5A),
    "an SPI of another peer": lambda packet, outer: with_esp(packet, outer, 0, PEERS[10 - outer].outbound.spi),
    "sequence 0": lambda packet, outer: with_esp(packet, outer, 4, 0),
    "a sequence to come": lambda packet, outer: with_esp(packet, outer, 4, 2),
    "the last sequence of all": lambda packet, outer: with_esp(packet, outer, 4, 2**32 - 1),
    "cut before the sequence": lambda packet, outer: packet[: QUOTE[outer] - 4],
    "cut before ESP": lambda packet, outer: packet[: QUOTE[outer] - 8],
    "a packet to elsewhere": lambda packet, outer: SA.of(PEERS[outer].outbound.spi).sealed(
        udp(WEB_ADDRESS[4], PEERS[outer].pod(4)), 1, PEERS[outer].local, WORLD[outer]
    ),
    "a packet from elsewhere": lambda packet, outer: SA.of(PEERS[outer].outbound.spi).sealed(
        udp(WEB_ADDRESS[4], PEERS[outer].pod(4)), 1, WORLD[outer], PEERS[outer].remote
    ),
    "no ESP": lambda packet, outer: udp(PEERS[outer].local, PEERS[outer].remote, dport=53),
}


@pytest.mark.parametrize("outer", FAMILIES)
@pytest.mark.parametrize("name", LIES)
def test_who_has_not_seen_the_packet_is_not_believed(node: Node, outer: int, name: str) -> None:
    quoted = LIES[name](sent(node, outer), outer)
    hear(node, too_big(quoted, 1300, PEERS[outer].local))
    assert limit(node, outer) == largest_inner(1500, outer)


@pytest.mark.parametrize("outer", FAMILIES)
def test_no_value_below_what_any_network_carries(node: Node, outer: int) -> None:
    """Nor 0, by which old routers say that they do not know."""
    packet = sent(node, outer)
    for mtu in (0, 68, FLOOR[outer] - 1):
        hear(node, too_big(packet, mtu, PEERS[outer].local))
        assert limit(node, outer) == largest_inner(1500, outer)


@pytest.mark.parametrize("kind, code", ((3, 1), (3, 3), (11, 0), (5, 1)))
def test_other_errors_say_nothing_of_sizes(node: Node, kind: int, code: int) -> None:
    header = struct.pack("!BBHHH", kind, code, 0, 0, 1300)
    hear(node, bytes(IP(src=ROUTER[4], dst=PEERS[4].local, proto=1) / Raw(header + sent(node, 4)[:128])))
    assert limit(node, 4) == largest_inner(1500, 4)


def test_an_unused_sa_has_sent_nothing_to_quote(node: Node) -> None:
    peer = PEERS[4]
    node.datapath.add_outbound(peer.outbound, peer.number, WEB)
    quoted = peer.outbound.sealed(udp(WEB_ADDRESS[4], peer.pod(4)), 1, peer.local, peer.remote)
    for sequence in (0, 1):
        hear(node, too_big(with_esp(quoted, 4, 4, sequence), 1300, peer.local))
        assert limit(node, 4) == largest_inner(1500, 4)


def test_errors_to_others_are_others(node: Node) -> None:
    """On its way through this host, about a packet that some machine behind it is said to have sent."""
    hear(node, too_big(sent(node, 4), 1300, WORLD[4]))
    assert limit(node, 4) == largest_inner(1500, 4)


@pytest.mark.parametrize("outer", FAMILIES)
def test_what_was_sent_long_ago_is_not_quoted_now(node: Node, outer: int) -> None:
    """Whoever recorded a packet once cannot use it for ever."""
    peer, packet = PEERS[outer], sent(node, outer)
    node.datapath.add_outbound(peer.outbound, peer.number, WEB, seq=1_000_000)
    hear(node, too_big(packet, 1300, peer.local))
    assert limit(node, outer) == largest_inner(1500, outer)
    hear(node, too_big(with_esp(packet, outer, 4, 999_999), 1300, peer.local))
    assert limit(node, outer) == largest_inner(1300, outer)
