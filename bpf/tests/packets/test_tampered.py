# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""Packets that were changed on the way: none is accepted, and none moves the window."""

import struct

import pytest

from bench.abi import Hook, Reason
from bench.arrivals import arriving, opened, refused, refused_before_the_tag, sealed
from bench.datapath import Verdict
from bench.esp import SA, enveloped, esp_of, parsed
from bench.expect import dropped, passed
from bench.node import OTHER, PEERS, Node
from bench.packets import forwarded, rebuilt

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


@pytest.mark.parametrize("outer", FAMILIES)
def test_no_bit_of_the_tag_can_be_changed(node: Node, outer: int) -> None:
    peer = PEERS[outer]
    esp = esp_of(sealed(peer, arriving(peer, 4, 3)))
    for bit in range(128):
        changed = bytearray(esp)
        changed[-16 + bit // 8] ^= 1 << bit % 8
        refused_before_the_tag(node, peer, enveloped(bytes(changed), peer.remote, peer.local), Reason.BAD_TAG)


# The outer headers in their order, by bits: name, width, and what becomes of a packet in which one bit of it is another. ESP does not
# cover them (RFC 4303 3.3.2.1). OPENED stands where routers may write, or where nothing is for us to read: the packet that
# is delivered is the same. NOT_OURS goes on to the host's stack and never to a pod.
UDP_FIELDS = (
    # The sender's choice; with a NAT between, the NAT's.
    ("source port", 16, {Reason.OPENED}),
    ("destination port", 16, {Reason.NOT_OURS}),
    ("UDP length", 16, {Reason.MALFORMED}),
    # RFC 3948 2.1: not to be relied on. The tag covers all that it covers and is for us.
    ("UDP checksum", 16, {Reason.OPENED}),
)
OUTER_FIELDS = {
    4: (
        ("version", 4, {Reason.MALFORMED}),
        # A longer header has the ports elsewhere.
        ("header length", 4, {Reason.MALFORMED, Reason.NOT_OURS}),
        # RFC 4301 5.1.2: the inner header's counts. RFC 6040: without ECN inside, only "congested" would be a drop.
        ("DSCP and ECN", 8, {Reason.OPENED}),
        ("total length", 16, {Reason.MALFORMED}),
        ("identification", 16, {Reason.OPENED}),
        ("reserved bit and DF", 2, {Reason.OPENED}),
        ("MF", 1, {Reason.FRAGMENT}),
        # Later fragments do not say for which port they are.
        ("fragment offset", 13, {Reason.NOT_OURS}),
        ("time to live", 8, {Reason.OPENED}),
        ("protocol", 8, {Reason.NOT_OURS}),
        # The stack's matter, for which there is no need: addresses and lengths are checked against what we know.
        ("header checksum", 16, {Reason.OPENED}),
        ("source", 32, {Reason.UNKNOWN_SPI}),
        ("destination", 32, {Reason.NOT_OURS}),
        *UDP_FIELDS,
    ),
    6: (
        ("version", 4, {Reason.MALFORMED}),
        ("traffic class", 8, {Reason.OPENED}),
        ("flow label", 20, {Reason.OPENED}),
        ("payload length", 16, {Reason.MALFORMED}),
        ("next header", 8, {Reason.NOT_OURS}),
        ("hop limit", 8, {Reason.OPENED}),
        ("source", 128, {Reason.UNKNOWN_SPI}),
        # UNKNOWN_SPI at another address of the node's.
        ("destination", 128, {Reason.NOT_OURS, Reason.UNKNOWN_SPI}),
        *UDP_FIELDS,
    ),
}


@pytest.mark.parametrize("outer", FAMILIES)
def test_bits_of_the_outer_headers(node: Node, outer: int) -> None:
    peer, inner, first = PEERS[outer], arriving(PEERS[outer], 4, 40), 0
    for name, width, allowed in OUTER_FIELDS[outer]:
        for bit in range(first, first + width):
            packet = sealed(peer, inner, sequence=bit + 1)
            changed = bytearray(packet)
            changed[bit // 8] ^= 0x80 >> bit % 8
            before = node.datapath.window(peer.inbound)
            result = node.from_uplink(bytes(changed))
            (reason,) = result.reasons
            assert reason in allowed, f"{name}, bit {bit - first}: {reason.name}"
            if reason == Reason.OPENED:
                assert result.packet == forwarded(inner), name
                continue
            assert node.datapath.window(peer.inbound) == before, name
            if reason == Reason.NOT_OURS:
                passed(result, reason)
                assert result.packet == bytes(changed), name
            else:
                dropped(result, reason, Hook.FROM_UPLINK)
        first += width
    assert first == 8 * (len(packet) - len(esp_of(packet)))


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


@pytest.mark.parametrize("outer", FAMILIES)
def test_a_key_fits_its_own_spi_only(node: Node, outer: int) -> None:
    """A packet under another SA's SPI: the SPI is authenticated, and it selects the key."""
    peer, other = PEERS[outer], SA.of(0x2009)
    node.datapath.add_inbound(other, peer.number, OTHER)
    esp = bytearray(esp_of(sealed(peer, arriving(peer, 4))))
    struct.pack_into("!I", esp, 0, other.spi)
    refused(node, enveloped(bytes(esp), peer.remote, peer.local), Reason.BAD_TAG)
