# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""What a right tag does not excuse: a broken inner packet, a source not bound, a destination not here."""

import itertools
import struct
from typing import Callable

import pytest

from bench.abi import Reason
from bench.arrivals import arriving, by_hand, opened, refused, sealed
from bench.datapath import Verdict
from bench.esp import NEXT_IPV4, NEXT_IPV6, padded, parsed
from bench.node import DB_ADDRESS, OTHER, PEERS, REMOTE_WEB, UNKNOWN, WEB_ADDRESS, WORLD, Node
from bench.packets import forwarded, rebuilt, udp

FAMILIES = (4, 6)
COMBINATIONS = list(itertools.product(FAMILIES, FAMILIES))


# What was sealed and still is no packet


def shortened(packet: bytes, by: int) -> bytes:
    """The same packet, one that says it is shorter by some bytes than it is."""
    changed = bytearray(packet)
    place = 4 if changed[0] >> 4 == 6 else 2
    (length,) = struct.unpack_from("!H", changed, place)
    struct.pack_into("!H", changed, place, length - by)
    return rebuilt(parsed(bytes(changed)))


def with_first_byte(packet: bytes, byte: int) -> bytes:
    return bytes([byte]) + packet[1:]


def trailer(count: int, next_header: int, pad: bytes = b"") -> bytes:
    return pad + bytes([count, next_header])


INNER_DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "padding counts from 0": lambda packet: packet + trailer(2, NEXT_IPV4, b"\0\1"),
    "padding is zero": lambda packet: packet + trailer(2, NEXT_IPV4, b"\0\0"),
    "last pad byte is wrong": lambda packet: packet + trailer(6, NEXT_IPV4, b"\1\2\3\4\5\7"),
    "first pad byte is wrong": lambda packet: packet + trailer(6, NEXT_IPV4, b"\2\2\3\4\5\6"),
    "pad length beyond the packet": lambda packet: packet + trailer(255, NEXT_IPV4, b"\1\2"),
    "pad length cuts the packet": lambda packet: packet + trailer(10, NEXT_IPV4, b"\1\2"),
    "says it is longer": lambda packet: padded(shortened(packet, -4)),
    "says it is shorter": lambda packet: padded(shortened(packet, 4)),
    "next header 41": lambda packet: packet + trailer(2, NEXT_IPV6, b"\1\2"),
    "next header 0": lambda packet: packet + trailer(2, 0, b"\1\2"),
    "next header 59, a dummy": lambda packet: packet + trailer(2, 59, b"\1\2"),
    "next header 6, transport mode": lambda packet: packet + trailer(2, 6, b"\1\2"),
    "version 6": lambda packet: with_first_byte(packet, 0x65) + trailer(2, NEXT_IPV4, b"\1\2"),
    "version 0": lambda packet: with_first_byte(packet, 0x05) + trailer(2, NEXT_IPV4, b"\1\2"),
    "header of 16 bytes": lambda packet: with_first_byte(packet, 0x44) + trailer(2, NEXT_IPV4, b"\1\2"),
    "header longer than the packet": lambda packet: with_first_byte(packet[:28], 0x4F) + trailer(2, NEXT_IPV4, b"\1\2"),
    "19 bytes": lambda packet: packet[:19] + trailer(3, NEXT_IPV4, b"\1\2\3"),
}


@pytest.mark.parametrize("outer", FAMILIES)
@pytest.mark.parametrize("damage", INNER_DAMAGE)
def test_a_right_tag_makes_no_valid_packet(node: Node, outer: int, damage: str) -> None:
    peer = PEERS[outer]
    plaintext = INNER_DAMAGE[damage](arriving(peer, 4, 8))
    refused(node, by_hand(peer, plaintext), Reason.BAD_INNER)


@pytest.mark.parametrize("count", (2, 6, 10, 254))
def test_every_byte_of_padding_counts(node: Node, count: int) -> None:
    """A peer may use more of it than it takes to fill a word."""
    peer = PEERS[4]
    packet, pad = arriving(peer, 4, 8), bytes(range(1, count + 1))
    for place in range(count):
        wrong = pad[:place] + bytes([pad[place] ^ 1]) + pad[place + 1 :]
        refused(node, by_hand(peer, packet + trailer(count, NEXT_IPV4, wrong), 1 + place), Reason.BAD_INNER)
    assert opened(node, by_hand(peer, packet + trailer(count, NEXT_IPV4, pad), 1 + count)) == forwarded(packet)


IPV6_DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "says it is longer": lambda packet: padded(shortened(packet, -4)),
    "says it is shorter": lambda packet: padded(shortened(packet, 4)),
    "next header 4": lambda packet: packet + trailer(2, NEXT_IPV4, b"\1\2"),
    "version 4": lambda packet: with_first_byte(packet, 0x45) + trailer(2, NEXT_IPV6, b"\1\2"),
    "39 bytes": lambda packet: packet[:39] + trailer(3, NEXT_IPV6, b"\1\2\3"),
    "20 bytes": lambda packet: packet[:20] + trailer(2, NEXT_IPV6, b"\1\2"),
}


@pytest.mark.parametrize("outer", FAMILIES)
@pytest.mark.parametrize("damage", IPV6_DAMAGE)
def test_a_right_tag_makes_no_valid_ipv6_packet(node: Node, outer: int, damage: str) -> None:
    peer = PEERS[outer]
    plaintext = IPV6_DAMAGE[damage](arriving(peer, 6, 8))
    refused(node, by_hand(peer, plaintext), Reason.BAD_INNER)


@pytest.mark.parametrize("outer", FAMILIES)
@pytest.mark.parametrize("plaintext", (b"", b"\1\2\2\4", b"\0\4\0\0", bytes(20)), ids=bytes.hex)
def test_a_right_tag_over_next_to_nothing(node: Node, outer: int, plaintext: bytes) -> None:
    """Too short to hold a packet, which the length alone says: it need not be opened."""
    result = node.from_uplink(by_hand(PEERS[outer], plaintext))
    assert result.verdict == Verdict.DROP and result.reasons <= {Reason.MALFORMED, Reason.BAD_INNER}


# Who may say what to whom


@pytest.mark.parametrize("inner, outer", COMBINATIONS)
def test_the_inner_source_must_be_bound(node: Node, inner: int, outer: int) -> None:
    peer = PEERS[outer]
    for source in (WORLD[inner], UNKNOWN[inner], WEB_ADDRESS[inner], DB_ADDRESS[inner], PEERS[10 - outer].pod(inner)):
        packet = udp(source, WEB_ADDRESS[inner])
        sequence = node.datapath.window(peer.inbound)[0] + 1
        refused(node, sealed(peer, packet, sequence), Reason.UNBOUND_SOURCE)


def test_a_binding_is_of_peer_and_identity(node: Node) -> None:
    """Another identity of the same peer, and the same identity of another peer."""
    peer, address = PEERS[4], "10.42.2.99"
    packet = udp(address, WEB_ADDRESS[4])
    node.datapath.bind(address, peer.number, OTHER)
    node.datapath.bind(address, PEERS[6].number, REMOTE_WEB)
    refused(node, sealed(peer, packet, 1), Reason.UNBOUND_SOURCE)
    node.datapath.bind(address, peer.number, REMOTE_WEB)
    assert opened(node, sealed(peer, packet, 2)) == forwarded(packet)


@pytest.mark.parametrize("inner, outer", COMBINATIONS)
def test_the_inner_destination_must_be_a_pod_here(node: Node, inner: int, outer: int) -> None:
    peer = PEERS[outer]
    host = {4: "192.0.2.11", 6: "2001:db8:0:1::11"}[inner]
    loopback = {4: "127.0.0.1", 6: "::1"}[inner]
    for sequence, destination in enumerate((UNKNOWN[inner], WORLD[inner], PEERS[4].pod(inner), host, loopback), 1):
        packet = udp(peer.pod(inner), destination)
        refused(node, sealed(peer, packet, sequence), Reason.NOT_LOCAL)


@pytest.mark.parametrize("outer", FAMILIES)
@pytest.mark.parametrize("destination", ("224.0.0.1", "239.1.2.3", "255.255.255.255", "ff02::1", "ff0e::42"))
def test_nothing_sealed_is_multicast(node: Node, outer: int, destination: str) -> None:
    peer = PEERS[outer]
    packet = udp(peer.pod(6 if ":" in destination else 4), destination)
    refused(node, sealed(peer, packet), Reason.MULTICAST)


def test_what_was_opened_and_refused_used_its_sequence(node: Node) -> None:
    """The tag held: the same packet must not be tried again once the binding is there."""
    peer = PEERS[4]
    packet = sealed(peer, udp("10.42.2.99", WEB_ADDRESS[4]))
    refused(node, packet, Reason.UNBOUND_SOURCE)
    node.datapath.bind("10.42.2.99", peer.number, REMOTE_WEB)
    refused(node, packet, Reason.REPLAY)
