# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""What from_pod seals: a peer that is not ours opens it and finds the packet that was sent."""

import itertools
import random

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6

from bench.abi import Reason, Stamp
from bench.datapath import Result
from bench.esp import PORT, esp_of, padded, parsed
from bench.expect import redirected
from bench.node import PEERS, WEB_ADDRESS, FarNode, Node, marked
from bench.packets import checksums_hold, forwarded, traffic_class, udp, udp_of_size, with_class

FAMILIES = (4, 6)
COMBINATIONS = list(itertools.product(FAMILIES, FAMILIES))
# Every residue of the cipher's block twice, and some of all the rest.
LENGTHS = [*range(0, 130), *sorted(random.Random(1).sample(range(130, 1500), 60)), 1499, 1500]
SOURCE_PORT_MIN = 49152


def sealed(node: Node, peer: FarNode, packet: bytes) -> Result:
    result = node.from_pod(packet)
    redirected(result, Reason.SEALED)
    return result


@pytest.mark.parametrize("inner, outer", COMBINATIONS)
def test_scapy_opens_every_length(node: Node, inner: int, outer: int) -> None:
    peer = PEERS[outer]
    node.datapath.add_peer(peer.number, peer.local, peer.remote, mtu=1700)
    for length in LENGTHS:
        packet = udp(WEB_ADDRESS[inner], peer.pod(inner), length)
        result = sealed(node, peer, packet)
        assert peer.outbound.opened(result.packet) == forwarded(packet), f"{length} bytes"


@pytest.mark.parametrize("inner, outer", COMBINATIONS)
def test_padding_and_trailer_are_those_of_rfc_4303(node: Node, inner: int, outer: int) -> None:
    peer = PEERS[outer]
    for length in range(4):
        packet = udp(WEB_ADDRESS[inner], peer.pod(inner), length)
        result = sealed(node, peer, packet)
        assert peer.outbound.plaintext(result.packet) == padded(forwarded(packet))


@pytest.mark.parametrize("inner, outer", COMBINATIONS)
def test_the_envelope(node: Node, inner: int, outer: int) -> None:
    peer = PEERS[outer]
    result = sealed(node, peer, udp(WEB_ADDRESS[inner], peer.pod(inner)))
    packet = parsed(result.packet)
    assert (packet.version, packet.src, packet.dst) == (outer, peer.local, peer.remote)
    assert packet[UDP].dport == PORT and packet[UDP].sport >= SOURCE_PORT_MIN
    if outer == 4:
        assert packet[IP].flags == "DF" and packet[IP].frag == 0 and packet[IP].ttl >= 64 and packet[IP].ihl == 5
        assert packet[IP].len == len(result.packet) and packet[UDP].len == len(result.packet) - 20
        assert packet[UDP].chksum == 0
        packet[IP].chksum, before = None, packet[IP].chksum
        assert IP(bytes(packet)).chksum == before
    else:
        assert packet[IPv6].nh == 17 and packet[IPv6].hlim >= 64
        assert packet[IPv6].plen == packet[UDP].len == len(result.packet) - 40
        assert packet[UDP].chksum != 0 and checksums_hold(result.packet)


@pytest.mark.parametrize("inner, outer", COMBINATIONS)
def test_the_esp_header(node: Node, inner: int, outer: int) -> None:
    peer = PEERS[outer]
    for sequence in range(1, 20):
        esp = esp_of(sealed(node, peer, udp(WEB_ADDRESS[inner], peer.pod(inner))).packet)
        assert esp[:4] == peer.outbound.spi.to_bytes(4, "big")
        assert esp[4:8] == sequence.to_bytes(4, "big")
        assert esp[8:16] == sequence.to_bytes(8, "big")
        assert node.datapath.sequence(peer.outbound) == sequence


@pytest.mark.parametrize("inner, outer", COMBINATIONS)
def test_it_is_stamped_and_others_bits_stay(node: Node, inner: int, outer: int) -> None:
    peer = PEERS[outer]
    assert sealed(node, peer, udp(WEB_ADDRESS[inner], peer.pod(inner))).mark == marked(Stamp.SEALED)


@pytest.mark.parametrize("inner, outer", COMBINATIONS)
@pytest.mark.parametrize("congestion", range(4))
def test_dscp_and_ecn_are_copied(node: Node, inner: int, outer: int, congestion: int) -> None:
    peer = PEERS[outer]
    for dscp in (0, 8, 46, 63):
        packet = with_class(udp(WEB_ADDRESS[inner], peer.pod(inner)), dscp << 2 | congestion)
        result = sealed(node, peer, packet)
        assert traffic_class(result.packet) == dscp << 2 | congestion
        assert peer.outbound.opened(result.packet) == forwarded(packet)


@pytest.mark.parametrize("inner, outer", COMBINATIONS)
def test_a_flow_keeps_its_source_port_and_flows_differ(node: Node, inner: int, outer: int) -> None:
    peer = PEERS[outer]

    def port(sport: int, length: int = 10) -> int:
        packet = udp(WEB_ADDRESS[inner], peer.pod(inner), length, sport=sport)
        return parsed(sealed(node, peer, packet).packet)[UDP].sport

    assert {port(1000, length) for length in range(1, 40)} == {port(1000)}
    ports = {port(number) for number in range(2000, 2064)}
    assert len(ports) > 48 and all(SOURCE_PORT_MIN <= each <= 65535 for each in ports)
    before = port(1000), port(1001), port(1002)
    node.datapath.configure()
    assert (port(1000), port(1001), port(1002)) == before


def test_the_source_port_is_keyed(node: Node) -> None:
    """Nobody without the key learns from the port which flow it is."""
    peer, packet = PEERS[4], udp(WEB_ADDRESS[4], PEERS[4].pod(4))
    ports = set()
    for key in range(8):
        node.datapath.configure(hash_key=(key, 0))
        ports.add(parsed(sealed(node, peer, packet).packet)[UDP].sport)
    assert len(ports) > 4


@pytest.mark.parametrize("outer", FAMILIES)
def test_the_peers_port_is_the_destination(node: Node, outer: int) -> None:
    peer = PEERS[outer]
    node.datapath.add_peer(peer.number, peer.local, peer.remote, port=4501)
    packet = parsed(sealed(node, peer, udp(WEB_ADDRESS[outer], peer.pod(outer))).packet)
    assert packet[UDP].dport == 4501


def test_what_ethernet_added_is_cut_off(node: Node) -> None:
    """A frame is padded to 60 bytes; the pad is no part of the packet, and whatever it holds must not leave."""
    peer = PEERS[4]
    packet = udp(WEB_ADDRESS[4], peer.pod(4), 1)
    result = sealed(node, peer, packet + b"remains of another packet")
    assert peer.outbound.plaintext(result.packet) == padded(forwarded(packet))


def test_usage_counts_inner_packets_and_bytes(node: Node) -> None:
    peer, packets = PEERS[4], [udp(WEB_ADDRESS[4], PEERS[4].pod(4), length) for length in (0, 11, 700)]
    for packet in packets:
        sealed(node, peer, packet)
    usage = node.datapath.usage(peer.outbound, "out")
    assert (usage.packets, usage.bytes) == (3, sum(map(len, packets)))
    assert usage.last_ns > 0


@pytest.mark.parametrize("inner, outer", COMBINATIONS)
@pytest.mark.parametrize("mtu", (1500, 1492, 1400))
def test_the_largest_packet_fills_the_peers_mtu(node: Node, inner: int, outer: int, mtu: int) -> None:
    """The outer packet may be as long as the peer's MTU, and no longer: padding is to 4 bytes, the trailer has 2."""
    peer = PEERS[outer]
    node.datapath.add_peer(peer.number, peer.local, peer.remote, mtu=mtu)
    outer_header = 20 if outer == 4 else 40
    room = (mtu - outer_header - 8 - 8 - 8 - 16) & ~3
    packet = udp_of_size(WEB_ADDRESS[inner], peer.pod(inner), room - 2)
    result = sealed(node, peer, packet)
    assert mtu - 3 <= len(result.packet) <= mtu
    assert peer.outbound.opened(result.packet) == forwarded(packet)
