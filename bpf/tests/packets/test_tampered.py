# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""Packets that were changed on the way: none is accepted, and none moves the window."""

import struct

import pytest

from bench.abi import Reason
from bench.arrivals import arriving, opened, refused, refused_before_the_tag, sealed
from bench.datapath import Verdict
from bench.esp import SA, enveloped, esp_of, parsed
from bench.node import OTHER, PEERS, Node
from bench.packets import rebuilt

FAMILIES = (4, 6)
# Header, IV, the shortest IP packet with its trailer, tag.
MINIMUM_ESP = 8 + 8 + 24 + 16


@pytest.mark.parametrize("outer", FAMILIES)
def test_no_byte_can_be_changed(node: Node, outer: int) -> None:
    peer = PEERS[outer]
    esp = esp_of(sealed(peer, arriving(peer, 4, 40), sequence=5))
    for place in range(len(esp)):
        changed = bytearray(esp)
        changed[place] ^= 0x80 >> place % 8
        reason = Reason.UNKNOWN_SPI if place < 4 else Reason.BAD_TAG
        refused_before_the_tag(node, peer, enveloped(bytes(changed), peer.remote, peer.local), reason)
    opened(node, enveloped(esp, peer.remote, peer.local))


def test_no_bit_of_the_tag_can_be_changed(node: Node) -> None:
    peer = PEERS[4]
    esp = esp_of(sealed(peer, arriving(peer, 4, 3)))
    for bit in range(128):
        changed = bytearray(esp)
        changed[-16 + bit // 8] ^= 1 << bit % 8
        refused_before_the_tag(node, peer, enveloped(bytes(changed), peer.remote, peer.local), Reason.BAD_TAG)


@pytest.mark.parametrize("outer", FAMILIES)
def test_no_byte_can_be_cut_off(node: Node, outer: int) -> None:
    peer = PEERS[outer]
    esp = esp_of(sealed(peer, arriving(peer, 4, 6)))
    # Two bytes and more, the first of them no keep-alive: RFC 3948 2.3 has that of one byte.
    for length in range(4, len(esp)):
        reason = Reason.MALFORMED if length < MINIMUM_ESP or length % 4 else Reason.BAD_TAG
        result = node.from_uplink(enveloped(esp[:length], peer.remote, peer.local))
        assert result.verdict == Verdict.DROP and result.reasons <= {reason, Reason.BAD_TAG}, f"{length} bytes"
    assert node.datapath.window(peer.inbound)[0] == 0
    opened(node, enveloped(esp, peer.remote, peer.local))


@pytest.mark.parametrize("outer", FAMILIES)
def test_nothing_can_be_added(node: Node, outer: int) -> None:
    peer = PEERS[outer]
    esp = esp_of(sealed(peer, arriving(peer, 4, 6)))
    for extra in range(4, 40, 4):
        refused_before_the_tag(node, peer, enveloped(esp + bytes(extra), peer.remote, peer.local), Reason.BAD_TAG)


@pytest.mark.parametrize("outer", FAMILIES)
@pytest.mark.parametrize("field", ("ip length", "udp length"))
@pytest.mark.parametrize("difference", (-200, -20, 1, 2000))
def test_lengths_must_agree(node: Node, outer: int, field: str, difference: int) -> None:
    """Of IP, UDP and the frame: a datagram that ends elsewhere is not the one that was sent."""
    peer = PEERS[outer]
    packet = bytearray(sealed(peer, arriving(peer, 4, 120)))
    place = {"ip length": 2 if outer == 4 else 4, "udp length": 24 if outer == 4 else 44}[field]
    (length,) = struct.unpack_from("!H", packet, place)
    struct.pack_into("!H", packet, place, max(length + difference, 0))
    result = node.from_uplink(rebuilt(parsed(bytes(packet))))
    assert result.verdict == Verdict.DROP and result.reasons <= {Reason.MALFORMED, Reason.BAD_TAG}
    assert node.datapath.window(peer.inbound)[0] == 0


def test_a_key_fits_its_own_spi_only(node: Node) -> None:
    """A packet under another SA's SPI: the SPI is authenticated, and it selects the key."""
    peer, other = PEERS[4], SA.of(0x2009)
    node.datapath.add_inbound(other, peer.number, OTHER)
    esp = bytearray(esp_of(sealed(peer, arriving(peer, 4))))
    struct.pack_into("!I", esp, 0, other.spi)
    refused(node, enveloped(bytes(esp), peer.remote, peer.local), Reason.BAD_TAG)
