# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""What to_uplink lets leave this node: nothing for a pod of another node but what is sealed, or sealed here."""

import itertools

import pytest
from scapy.layers.l2 import ARP, Ether

from bench.abi import Constant, Hook, Reason, Stamp
from bench.datapath import Result, Verdict
from bench.esp import SA, esp_of
from bench.expect import dropped, redirected
from bench.node import (
    DB_ADDRESS, NODE_ADDRESS, PEERS, UNKNOWN, WEB_ADDRESS, WITHOUT_SESSION, WORLD, Node, marked,
)
from bench.packets import forwarded, tcp, udp, udp_of_size

FAMILIES = (4, 6)
COMBINATIONS = list(itertools.product(FAMILIES, FAMILIES))
INSIDE = {"of a peer": {4: PEERS[4].pod(4), 6: PEERS[4].pod(6)}, "unknown": UNKNOWN, "without session": WITHOUT_SESSION}


def dropped_here(result: Result, reason: Reason) -> None:
    dropped(result, reason, Hook.TO_UPLINK)


def left(result: Result, packet: bytes) -> None:
    """It leaves as it is; whether it counts again is no matter here, but it is no drop."""
    assert (result.verdict, result.packet, result.events) == (Verdict.PASS, packet, [])
    assert all(reason < Reason.SPOOFED_SOURCE for reason in result.reasons)
    assert result.mark & ~marked(Stamp.OPENED) == 0, "others' bits stay as they were"


# What this host makes


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("destinations", INSIDE.values(), ids=INSIDE)
def test_this_host_reaches_no_pod_elsewhere(node: Node, family: int, destinations: dict[int, str]) -> None:
    dropped_here(node.to_uplink(udp(NODE_ADDRESS[family], destinations[family])), Reason.HOST_UNSUPPORTED)


@pytest.mark.parametrize("family", FAMILIES)
def test_this_host_reaches_the_world_and_its_peers(node: Node, family: int) -> None:
    for destination in (WORLD[family], PEERS[family].remote):
        packet = udp(NODE_ADDRESS[family], destination)
        left(node.to_uplink(packet), packet)


def test_this_hosts_arp_leaves(node: Node) -> None:
    frame = Ether(src=node.devices.uplink.mac, dst="ff:ff:ff:ff:ff:ff") / ARP(psrc=NODE_ADDRESS[4], pdst="192.0.2.12")
    left(node.to_uplink(frame), bytes(frame)[14:])


@pytest.mark.parametrize("flags", (0, Constant.F_PERMISSIVE))
def test_before_the_image_nothing_heads_into_protected(node: Node, flags: int) -> None:
    """What a daemon that died half-way leaves: protected is known, nothing else is sure."""
    node.datapath.configure(flags=flags)
    result = node.to_uplink(udp(WEB_ADDRESS[4], PEERS[4].pod(4)), Stamp.POD, node.devices.web)
    assert result.verdict == Verdict.DROP and Reason.SEALED not in result.reasons
    result = node.to_uplink(udp(WEB_ADDRESS[4], UNKNOWN[4]), Stamp.NONE, node.devices.web)
    assert result.verdict == Verdict.DROP


# What merely passes through this host


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("destinations", INSIDE.values(), ids=INSIDE)
def test_without_a_stamp_nothing_heads_into_protected(node: Node, family: int, destinations: dict[int, str]) -> None:
    """Whatever its source says: not as the pod, not as the host, not from outside back to outside."""
    for source in (WEB_ADDRESS[family], NODE_ADDRESS[family], WORLD[family], UNKNOWN[family]):
        for ingress in (node.devices.web, node.devices.uplink):
            dropped_here(node.to_uplink(udp(source, destinations[family]), ingress=ingress), Reason.UNSTAMPED)


@pytest.mark.parametrize("family", FAMILIES)
def test_nor_with_the_stamp_of_an_opened_packet(node: Node, family: int) -> None:
    """It was opened for a pod of this node, and never goes on from here."""
    packet = udp(PEERS[4].pod(family), PEERS[6].pod(family))
    result = node.to_uplink(packet, Stamp.OPENED, node.devices.uplink)
    assert result.verdict == Verdict.DROP and Reason.SEALED not in result.reasons


@pytest.mark.parametrize("family", FAMILIES)
def test_transit_in_the_world_is_not_our_business(node: Node, family: int) -> None:
    packet = udp({4: "203.0.113.5", 6: "2001:db8:aaaa::5"}[family], WORLD[family])
    left(node.to_uplink(packet, ingress=node.devices.uplink), packet)


# What from_pod checked, and the stack then sent this way


@pytest.mark.parametrize("inner, outer", COMBINATIONS)
def test_a_pods_packet_is_sealed(node: Node, inner: int, outer: int) -> None:
    """As after destination NAT: it was for a service, and is now for a pod of another node."""
    peer = PEERS[outer]
    packet = udp(WEB_ADDRESS[inner], peer.pod(inner))
    result = node.to_uplink(packet, Stamp.POD, node.devices.web)
    redirected(result, Reason.SEALED)
    assert result.mark == marked(Stamp.SEALED)
    # The stack has counted this hop already; counting it again is allowed.
    assert peer.outbound.opened(result.packet) in (packet, forwarded(packet))
    assert esp_of(result.packet)[4:8] == (1).to_bytes(4, "big")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pods_packet_to_the_world_leaves(node: Node, family: int) -> None:
    for source in (WEB_ADDRESS[family], NODE_ADDRESS[family]):
        packet = udp(source, WORLD[family])
        left(node.to_uplink(packet, Stamp.POD, node.devices.web), packet)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_source_that_was_translated_away_is_nobodys(node: Node, family: int) -> None:
    """Masqueraded as this host, or as anything else: the identity is lost, and no other takes its place."""
    for source in (NODE_ADDRESS[family], WORLD[family], UNKNOWN[family], PEERS[4].pod(family)):
        packet = udp(source, PEERS[4].pod(family))
        dropped_here(node.to_uplink(packet, Stamp.POD, node.devices.web), Reason.IDENTITY_LOST)


@pytest.mark.parametrize("family", FAMILIES)
def test_one_pod_does_not_become_another(node: Node, family: int) -> None:
    """Source NAT onto the address of another pod of this node."""
    packet = udp(DB_ADDRESS[family], PEERS[4].pod(family))
    dropped_here(node.to_uplink(packet, Stamp.POD, node.devices.web), Reason.IDENTITY_LOST)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("destinations, reason", (
    (WITHOUT_SESSION, Reason.NO_SESSION), (UNKNOWN, Reason.UNKNOWN_DESTINATION),
))
def test_a_pods_packet_without_a_way(node: Node, family: int, destinations: dict[int, str], reason: Reason) -> None:
    packet = udp(WEB_ADDRESS[family], destinations[family])
    dropped_here(node.to_uplink(packet, Stamp.POD, node.devices.web), reason)


@pytest.mark.parametrize("family", FAMILIES)
def test_permissive_lets_the_unknown_leave(node: Node, family: int) -> None:
    node.datapath.configure(flags=Constant.F_READY | Constant.F_PERMISSIVE)
    packet = udp(WEB_ADDRESS[family], UNKNOWN[family])
    left(node.to_uplink(packet, Stamp.POD, node.devices.web), packet)


@pytest.mark.parametrize("family", FAMILIES)
def test_permissive_is_for_the_unknown_alone(node: Node, family: int) -> None:
    node.datapath.configure(flags=Constant.F_READY | Constant.F_PERMISSIVE)
    for stamp in (Stamp.POD, Stamp.NONE):
        packet = udp(WEB_ADDRESS[family], WITHOUT_SESSION[family])
        assert node.to_uplink(packet, stamp, node.devices.web).verdict == Verdict.DROP


@pytest.mark.parametrize("family", FAMILIES)
def test_a_packet_for_a_pod_here_does_not_leave(node: Node, family: int) -> None:
    """A route that sends local pods' traffic out is a fault of the node's, and no reason to send it in the clear."""
    for stamp, ingress in ((Stamp.POD, node.devices.db), (Stamp.NONE, None), (Stamp.NONE, node.devices.db)):
        packet = udp(DB_ADDRESS[family], WEB_ADDRESS[family])
        assert node.to_uplink(packet, stamp, ingress).verdict == Verdict.DROP


def test_super_packets_are_not_sealed(node: Node) -> None:
    packet = tcp(WEB_ADDRESS[4], PEERS[4].pod(4), "A", length=1000)
    result = node.to_uplink(packet, Stamp.POD, node.devices.web, gso_segs=2, gso_size=500)
    dropped_here(result, Reason.GSO)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_does_not_fit_is_not_sealed(node: Node, family: int) -> None:
    packet = udp_of_size(WEB_ADDRESS[family], PEERS[4].pod(family), 1500)
    result = node.to_uplink(packet, Stamp.POD, node.devices.web)
    assert result.verdict != Verdict.PASS and result.reasons == {Reason.TOO_BIG}


# Our own sealed packets on their way out


@pytest.mark.parametrize("outer", FAMILIES)
def test_our_sealed_packets_pass(node: Node, outer: int) -> None:
    peer = PEERS[outer]
    packet = node.from_pod(udp(WEB_ADDRESS[4], peer.pod(4))).packet
    for ingress in (node.devices.web, None):
        left(node.to_uplink(packet, Stamp.SEALED, ingress), packet)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_stamp_of_a_sealed_packet_opens_no_way(node: Node, family: int) -> None:
    """The mark is shared with others: what is in the clear stays here, whatever it is marked."""
    for source in (WEB_ADDRESS[family], NODE_ADDRESS[family], UNKNOWN[family], WORLD[family]):
        packet = udp(source, PEERS[4].pod(family))
        for ingress in (node.devices.web, node.devices.uplink, None):
            assert node.to_uplink(packet, Stamp.SEALED, ingress).verdict == Verdict.DROP


def test_esp_of_others_is_traffic_like_any_other(node: Node) -> None:
    """Not our stamp, not our source: as before, only its destination counts."""
    packet = SA.of(0x7777).sealed(udp("10.0.0.1", "10.0.0.2"), 1, "203.0.113.5", WORLD[4])
    left(node.to_uplink(packet, ingress=node.devices.uplink), packet)


# The mark is others' too


@pytest.mark.parametrize("stamp", list(Stamp))
def test_other_bits_of_the_mark_stay(node: Node, stamp: Stamp) -> None:
    result = node.to_uplink(udp(NODE_ADDRESS[4], WORLD[4]), stamp)
    assert result.mark & ~marked(Stamp.OPENED) == 0 and result.mark | marked(Stamp.OPENED) == marked(Stamp.OPENED)
    assert result.mark & marked(Stamp.NONE) == marked(Stamp.NONE)
