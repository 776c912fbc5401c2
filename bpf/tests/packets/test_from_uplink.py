# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""What from_uplink makes of traffic in the clear."""

import pytest
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from bench.abi import Hook, Reason, Stamp
from bench.datapath import Verdict
from bench.expect import dropped
from bench.node import (
    DB_ADDRESS, NODE_ADDRESS, PEERS, UNKNOWN, WEB_ADDRESS, WORLD, Node, marked,
)
from bench.packets import udp

FAMILIES = (4, 6)
OUTSIDE = {4: "203.0.113.5", 6: "2001:db8:aaaa::5"}


def test_a_protected_source_does_not_come_in_the_clear(node: Node) -> None:
    """To a pod, to this host, or through it; also in the name of our own pods."""
    for family in FAMILIES:
        sources = (PEERS[4].pod(family), UNKNOWN[family], WEB_ADDRESS[family])
        destinations = (WEB_ADDRESS[family], DB_ADDRESS[family], NODE_ADDRESS[family], WORLD[family], UNKNOWN[family])
        for source in sources:
            for destination in destinations:
                dropped(node.from_uplink(udp(source, destination)), Reason.CLEAR_INBOUND, Hook.FROM_UPLINK)


@pytest.mark.parametrize("family", FAMILIES)
def test_fragments_hide_no_protected_source(node: Node, family: int) -> None:
    if family == 4:
        packets = [udp(PEERS[4].pod(4), WEB_ADDRESS[4], frag=10), udp(PEERS[4].pod(4), WEB_ADDRESS[4], flags="MF")]
    else:
        packets = [udp(PEERS[4].pod(6), WEB_ADDRESS[6], nh=44)]
    for packet in packets:
        result = node.from_uplink(packet)
        assert result.verdict == Verdict.DROP


@pytest.mark.parametrize("family", FAMILIES)
def test_the_world_may_write_to_a_pod(node: Node, family: int) -> None:
    """to_pod decides about it."""
    packet = udp(OUTSIDE[family], WEB_ADDRESS[family])
    result = node.from_uplink(packet)
    assert (result.verdict, result.packet, result.mark) == (Verdict.PASS, packet, marked(Stamp.NONE))
    assert all(reason < Reason.SPOOFED_SOURCE for reason in result.reasons)


@pytest.mark.parametrize("family", FAMILIES)
def test_other_traffic_is_not_ours(node: Node, family: int) -> None:
    for destination in (NODE_ADDRESS[family], WORLD[family]):
        packet = udp(OUTSIDE[family], destination)
        result = node.from_uplink(packet)
        assert (result.verdict, result.packet) == (Verdict.PASS, packet)
        assert result.reasons == {Reason.NOT_OURS}


@pytest.mark.parametrize("stamp", list(Stamp))
def test_foreign_stamps_are_cleared(node: Node, stamp: Stamp) -> None:
    """A device below us may have kept a mark, or somebody's program set one: from outside, nothing is ours."""
    for destination in (WEB_ADDRESS[4], NODE_ADDRESS[4], WORLD[4]):
        result = node.from_uplink(udp(OUTSIDE[4], destination), mark=marked(stamp))
        assert result.mark == marked(Stamp.NONE)
    arp = Ether(src="02:00:00:00:00:12", dst=node.devices.uplink.mac) / ARP(psrc="192.0.2.12", pdst="192.0.2.11")
    assert node.from_uplink(arp, mark=marked(stamp)).mark == marked(Stamp.NONE)
    result = node.from_uplink(udp(UNKNOWN[4], WEB_ADDRESS[4]), mark=marked(stamp))
    dropped(result, Reason.CLEAR_INBOUND, Hook.FROM_UPLINK)


def test_arp_and_others_pass(node: Node) -> None:
    uplink = node.devices.uplink
    for frame in (
        Ether(src="02:00:00:00:00:12", dst=uplink.mac) / ARP(op=2, psrc="192.0.2.12", pdst="192.0.2.11"),
        Ether(src="02:00:00:00:00:12", dst=uplink.mac, type=0x88CC) / Raw(bytes(60)),
    ):
        result = node.from_uplink(frame)
        assert result.verdict == Verdict.PASS and not result.events


@pytest.mark.parametrize("family", FAMILIES)
def test_before_the_image_no_pod_hears_a_protected_source(node: Node, family: int) -> None:
    node.datapath.configure(flags=0)
    result = node.from_uplink(udp(UNKNOWN[family], WEB_ADDRESS[family]))
    assert result.verdict == Verdict.DROP
    peer = PEERS[4]
    packet = peer.inbound.sealed(udp(peer.pod(family), WEB_ADDRESS[family]), 1, peer.remote, peer.local)
    assert Reason.OPENED not in node.from_uplink(packet).reasons


@pytest.mark.parametrize("family", FAMILIES)
def test_before_the_image_the_host_stays_reachable(node: Node, family: int) -> None:
    """An operator must be able to log in and mend it."""
    node.datapath.reset()
    packet = udp(OUTSIDE[family], NODE_ADDRESS[family], dport=22)
    assert node.from_uplink(packet).verdict == Verdict.PASS
