# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""What from_uplink opens: packets that scapy sealed arrive as they were sent."""

import itertools
import random

import pytest
from scapy.layers.inet import TCP, UDP

from bench.abi import Reason
from bench.arrivals import arriving, by_hand, opened, refused, sealed
from bench.esp import NEXT_IPV4, NEXT_IPV6, PORT, parsed
from bench.node import PEERS, WEB_ADDRESS, Node
from bench.packets import checksums_hold, forwarded, largest_inner, tcp, traffic_class, with_class

FAMILIES = (4, 6)
COMBINATIONS = list(itertools.product(FAMILIES, FAMILIES))
LENGTHS = [*range(0, 130), *sorted(random.Random(2).sample(range(130, 1500), 60)), 1499, 1500]


@pytest.mark.parametrize("inner, outer", COMBINATIONS)
def test_every_length_is_delivered_as_sent(node: Node, inner: int, outer: int) -> None:
    peer = PEERS[outer]
    for sequence, length in enumerate(LENGTHS, start=1):
        packet = arriving(peer, inner, length)
        assert opened(node, sealed(peer, packet, sequence)) == forwarded(packet), f"{length} bytes"
    usage = node.datapath.usage(peer.inbound, "in")
    assert usage.packets == len(LENGTHS)


@pytest.mark.parametrize("inner, outer", COMBINATIONS)
def test_the_frame_is_for_the_pod(node: Node, inner: int, outer: int) -> None:
    peer = PEERS[outer]
    result = node.from_uplink(sealed(peer, arriving(peer, inner)))
    assert result.mark == 0, "marks are the host's own"
    assert int.from_bytes(result.frame[12:14], "big") == (0x0800 if inner == 4 else 0x86DD)


@pytest.mark.parametrize("outer", FAMILIES)
def test_the_iv_need_not_be_the_sequence(node: Node, outer: int) -> None:
    """Other senders make their IVs in other ways (RFC 7634 asks for uniqueness only)."""
    peer = PEERS[outer]
    packet = arriving(peer, 4)
    for sequence, iv in enumerate((bytes(8), b"\xff" * 8, bytes(range(8))), start=1):
        assert opened(node, sealed(peer, packet, sequence, iv=iv)) == forwarded(packet)


@pytest.mark.parametrize("outer", FAMILIES)
def test_any_source_port_and_any_outer_class_will_do(node: Node, outer: int) -> None:
    peer = PEERS[outer]
    packet = arriving(peer, 4)
    for sequence, sport in enumerate((1, PORT, 49152, 65535), start=1):
        assert opened(node, sealed(peer, packet, sequence, sport=sport)) == forwarded(packet)


def test_a_udp_checksum_over_ipv4_does_no_harm(node: Node) -> None:
    peer, packet = PEERS[4], arriving(PEERS[4], 4)
    outer = parsed(sealed(peer, packet))
    del outer[UDP].chksum
    assert opened(node, bytes(outer)) == forwarded(packet)


@pytest.mark.parametrize("outer", FAMILIES)
def test_what_ethernet_added_is_ignored(node: Node, outer: int) -> None:
    peer = PEERS[outer]
    packet = arriving(peer, 4, 0)
    assert opened(node, sealed(peer, packet), trailer=b"trailer" * 3) == forwarded(packet)


@pytest.mark.parametrize("inner", FAMILIES)
def test_longer_padding_than_needed_is_allowed(node: Node, inner: int) -> None:
    """RFC 4303 2.4 lets a sender pad up to 255 bytes."""
    peer, packet = PEERS[4], arriving(PEERS[4], inner)
    next_header = NEXT_IPV4 if inner == 4 else NEXT_IPV6
    for sequence, count in enumerate((-(len(packet) + 2) % 4 + extra for extra in (4, 64, 248)), start=1):
        plaintext = packet + bytes(range(1, count + 1)) + bytes([count, next_header])
        assert opened(node, by_hand(peer, plaintext, sequence)) == forwarded(packet), f"{count} bytes of padding"


@pytest.mark.parametrize("inner, outer", COMBINATIONS)
@pytest.mark.parametrize("outer_ecn", range(4))
@pytest.mark.parametrize("inner_ecn", range(4))
def test_ecn_is_joined_by_rfc_6040(node: Node, inner: int, outer: int, inner_ecn: int, outer_ecn: int) -> None:
    """Its figure 4; rows are the inner codepoint, columns the outer one; the DSCP of the inner packet stays."""
    not_ect, ect1, ect0, ce = range(4)
    joined = {
        not_ect: {not_ect: not_ect, ect0: not_ect, ect1: not_ect, ce: None},
        ect0: {not_ect: ect0, ect0: ect0, ect1: ect1, ce: ce},
        ect1: {not_ect: ect1, ect0: ect1, ect1: ect1, ce: ce},
        ce: {not_ect: ce, ect0: ce, ect1: ce, ce: ce},
    }[inner_ecn][outer_ecn]
    peer = PEERS[outer]
    packet = with_class(arriving(peer, inner), 0b101110 << 2 | inner_ecn)
    wrapped = with_class(sealed(peer, packet), outer_ecn)
    if joined is None:
        refused(node, wrapped, Reason.MALFORMED)
        return
    delivered = opened(node, wrapped)
    assert traffic_class(delivered) == 0b101110 << 2 | joined
    assert checksums_hold(delivered)


@pytest.mark.parametrize("inner", FAMILIES)
@pytest.mark.parametrize("hop_limit", (1, 2, 64, 255))
def test_a_hop_is_counted_on_arrival(node: Node, inner: int, hop_limit: int) -> None:
    """RFC 4301 5.1.2: by the end that forwards what it opened."""
    peer = PEERS[4]
    packet = arriving(peer, inner, **{"ttl" if inner == 4 else "hlim": hop_limit})
    if hop_limit == 1:
        refused(node, sealed(peer, packet), Reason.HOP_LIMIT)
    else:
        assert opened(node, sealed(peer, packet)) == forwarded(packet)


@pytest.mark.parametrize("inner, outer", COMBINATIONS)
@pytest.mark.parametrize("flags", ("S", "SA"))
def test_mss_is_clamped_on_arrival(node: Node, inner: int, outer: int, flags: str) -> None:
    """What web may send back is bounded by our way to the peer, whatever the peer's is."""
    peer = PEERS[outer]
    most = largest_inner(1500, outer) - (40 if inner == 4 else 60)
    for sequence, offered in enumerate((1460, most, most - 1, 536), start=1):
        packet = tcp(peer.pod(inner), WEB_ADDRESS[inner], flags, mss=offered)
        delivered = opened(node, sealed(peer, packet, sequence))
        assert dict(parsed(delivered)[TCP].options)["MSS"] == min(offered, most)
        assert checksums_hold(delivered)
