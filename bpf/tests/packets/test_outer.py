# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""What reaches the ESP port and is no ESP, or in no form that we take."""

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment

from bench.abi import Reason
from bench.arrivals import arriving, refused, refused_before_the_tag, sealed
from bench.datapath import Verdict
from bench.esp import PORT, enveloped, esp_of, parsed
from bench.expect import passed
from bench.node import PEERS, Node
from bench.packets import forwarded, rebuilt

FAMILIES = (4, 6)


@pytest.mark.parametrize("outer", FAMILIES)
@pytest.mark.parametrize("datagram", (b"\xff", bytes(4) + b"IKE"), ids=("keep-alive", "non-ESP marker"))
def test_rfc_3948_others_are_no_attack(node: Node, outer: int, datagram: bytes) -> None:
    peer = PEERS[outer]
    result = node.from_uplink(enveloped(datagram, peer.remote, peer.local))
    assert result.reasons <= {Reason.NOT_OURS} and not result.events


@pytest.mark.parametrize("outer", FAMILIES)
def test_too_short_for_esp_is_malformed(node: Node, outer: int) -> None:
    peer = PEERS[outer]
    for datagram in (b"", b"\xfe", b"\xff\xff", b"\x00\x00\x20\x05", b"\x00\x00\x20\x05\x00\x00\x00\x01"):
        refused(node, enveloped(datagram, peer.remote, peer.local), Reason.MALFORMED)


@pytest.mark.parametrize("outer", FAMILIES)
def test_another_port_is_not_ours(node: Node, outer: int) -> None:
    peer = PEERS[outer]
    packet = enveloped(esp_of(sealed(peer, arriving(peer, 4))), peer.remote, peer.local, dport=PORT + 1)
    result = node.from_uplink(packet)
    passed(result, Reason.NOT_OURS)
    assert result.packet == packet


def test_an_outer_fragment_ends(node: Node) -> None:
    peer = PEERS[4]
    fragment = parsed(sealed(peer, arriving(peer, 4)))
    fragment.flags = "MF"
    refused_before_the_tag(node, peer, rebuilt(fragment), Reason.FRAGMENT)


def test_an_outer_ipv6_fragment_ends(node: Node) -> None:
    peer = PEERS[6]
    outer = parsed(sealed(peer, arriving(peer, 4)))
    fragment = IPv6(src=outer.src, dst=outer.dst) / IPv6ExtHdrFragment(nh=17, m=1, id=7) / outer[UDP]
    refused_before_the_tag(node, peer, bytes(fragment), Reason.FRAGMENT)


@pytest.mark.parametrize("flags", ("MF", 0))
def test_later_outer_fragments_are_not_opened(node: Node, flags: str | int) -> None:
    """They do not say for which port they are; without the first, the stack makes nothing of them."""
    peer = PEERS[4]
    fragment = parsed(sealed(peer, arriving(peer, 4)))
    fragment.flags, fragment.frag = flags, 10
    result = node.from_uplink(rebuilt(fragment))
    assert result.reasons <= {Reason.NOT_OURS, Reason.FRAGMENT} and node.datapath.window(peer.inbound)[0] == 0


def test_ipv4_options_before_udp_are_malformed_or_opened(node: Node) -> None:
    """We send none; what must not happen is that bytes are read at a wrong place."""
    peer, packet = PEERS[4], arriving(PEERS[4], 4)
    outer = parsed(sealed(peer, packet))
    with_options = IP(src=outer.src, dst=outer.dst, options=b"\x01\x01\x01\x00") / outer[UDP]
    result = node.from_uplink(bytes(with_options))
    if result.verdict == Verdict.REDIRECT:
        assert result.packet == forwarded(packet)
    else:
        assert result.reasons <= {Reason.MALFORMED, Reason.UNSUPPORTED}


@pytest.mark.parametrize("outer", FAMILIES)
def test_our_own_packet_that_comes_back_is_a_loop(node: Node, outer: int) -> None:
    peer = PEERS[outer]
    packet = peer.inbound.sealed(arriving(peer, 4), 1, peer.local, peer.local)
    refused(node, packet, Reason.LOOP)
