# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""What to_pod delivers: what another of our programs decided, this host's own traffic, and the world's."""

import pytest
from scapy.layers.inet6 import ICMPv6ND_NS, IPv6
from scapy.layers.l2 import ARP, Ether

from bench.abi import Hook, Reason, Stamp
from bench.datapath import Result, Verdict
from bench.expect import dropped, passed
from bench.machine import GATEWAY_V4, GATEWAY_V6
from bench.node import (
    DB, DB_ADDRESS, NODE_ADDRESS, PEERS, UNKNOWN, WEB, WEB_ADDRESS, WORLD, Node,
)
from bench.packets import udp

FAMILIES = (4, 6)


def dropped_here(result: Result, reason: Reason) -> None:
    dropped(result, reason, Hook.TO_POD)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_was_opened_is_delivered(node: Node, family: int) -> None:
    """Counted where it was opened, not again here."""
    packet = udp(PEERS[4].pod(family), WEB_ADDRESS[family])
    result = node.to_pod(packet, Stamp.OPENED, node.devices.uplink)
    passed(result)
    assert result.packet == packet


@pytest.mark.parametrize("family", FAMILIES)
def test_from_the_pod_beside(node: Node, family: int) -> None:
    packet = udp(DB_ADDRESS[family], WEB_ADDRESS[family])
    result = node.to_pod(packet, Stamp.POD, node.devices.db)
    assert (result.verdict, result.packet, result.events) == (Verdict.PASS, packet, [])
    assert result.reasons <= {Reason.LOCAL}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pod_to_itself_by_a_service(node: Node, family: int) -> None:
    packet = udp(WEB_ADDRESS[family], WEB_ADDRESS[family])
    assert node.to_pod(packet, Stamp.POD, node.devices.web).verdict == Verdict.PASS


@pytest.mark.parametrize("family", FAMILIES)
def test_a_source_that_was_translated_away_is_nobodys(node: Node, family: int) -> None:
    """The stamp says that a pod sent it, the source is no pod of this node."""
    for source in (NODE_ADDRESS[family], WORLD[family], UNKNOWN[family], PEERS[4].pod(family)):
        packet = udp(source, WEB_ADDRESS[family])
        dropped_here(node.to_pod(packet, Stamp.POD, node.devices.db), Reason.IDENTITY_LOST)


@pytest.mark.parametrize("family", FAMILIES)
def test_one_pod_does_not_become_another(node: Node, family: int) -> None:
    packet = udp(WEB_ADDRESS[family], WEB_ADDRESS[family])
    dropped_here(node.to_pod(packet, Stamp.POD, node.devices.db), Reason.IDENTITY_LOST)


@pytest.mark.parametrize("family", FAMILIES)
def test_this_host_reaches_its_pods(node: Node, family: int) -> None:
    for source in (NODE_ADDRESS[family], {4: GATEWAY_V4, 6: GATEWAY_V6}[family]):
        packet = udp(source, WEB_ADDRESS[family])
        result = node.to_pod(packet)
        passed(result, Reason.HOST_LOCAL)
        assert result.packet == packet


@pytest.mark.parametrize("family", FAMILIES)
def test_the_world_reaches_a_pod(node: Node, family: int) -> None:
    packet = udp(WORLD[family], WEB_ADDRESS[family])
    result = node.to_pod(packet, ingress=node.devices.uplink)
    passed(result, Reason.WORLD)
    assert result.packet == packet


@pytest.mark.parametrize("family", FAMILIES)
def test_a_protected_source_needs_a_stamp(node: Node, family: int) -> None:
    """By whichever device: an uplink that has no program of ours, or a pod that has none."""
    for source in (DB_ADDRESS[family], PEERS[4].pod(family), UNKNOWN[family]):
        for ingress in (node.devices.uplink, node.devices.db):
            result = node.to_pod(udp(source, WEB_ADDRESS[family]), ingress=ingress)
            dropped_here(result, Reason.CLEAR_INBOUND)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_sealed_packets_stamp_is_none_here(node: Node, family: int) -> None:
    for source in (DB_ADDRESS[family], PEERS[4].pod(family), UNKNOWN[family]):
        result = node.to_pod(udp(source, WEB_ADDRESS[family]), Stamp.SEALED, node.devices.uplink)
        assert result.verdict == Verdict.DROP


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("stamp", (Stamp.NONE, Stamp.POD, Stamp.OPENED))
def test_a_pod_without_identity_hears_nothing(node: Node, family: int, stamp: Stamp) -> None:
    web, db, uplink = node.devices.web, node.devices.db, node.devices.uplink
    node.datapath.add_pod(web.index, web.far_mac, 0, *WEB_ADDRESS.values())
    source, ingress = {
        Stamp.NONE: (WORLD[family], uplink), Stamp.POD: (DB_ADDRESS[family], db),
        Stamp.OPENED: (PEERS[4].pod(family), uplink),
    }[stamp]
    dropped_here(node.to_pod(udp(source, WEB_ADDRESS[family]), stamp, ingress), Reason.NO_IDENTITY)


def test_this_hosts_arp_and_nd_arrive(node: Node) -> None:
    web = node.devices.web
    for frame in (
        Ether(src=web.mac, dst=web.far_mac) / ARP(op=1, psrc=GATEWAY_V4, pdst=WEB_ADDRESS[4]),
        Ether(src=web.mac, dst=web.far_mac) / ARP(op=2, psrc=GATEWAY_V4, pdst=WEB_ADDRESS[4]),
        Ether(src=web.mac, dst=web.far_mac) / IPv6(src=GATEWAY_V6, dst=WEB_ADDRESS[6], hlim=255) / ICMPv6ND_NS(
            tgt=WEB_ADDRESS[6]
        ),
    ):
        result = node.to_pod(frame)
        assert result.verdict == Verdict.PASS and result.reasons <= {Reason.NEIGHBOUR, Reason.HOST_LOCAL}


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_delivered_before_the_image(node: Node, family: int) -> None:
    node.datapath.configure(flags=0)
    for source, stamp, ingress in (
        (DB_ADDRESS[family], Stamp.POD, node.devices.db), (WORLD[family], Stamp.NONE, node.devices.uplink),
        (UNKNOWN[family], Stamp.NONE, node.devices.uplink), (PEERS[4].pod(family), Stamp.OPENED, node.devices.uplink),
    ):
        dropped_here(node.to_pod(udp(source, WEB_ADDRESS[family]), stamp, ingress), Reason.NOT_READY)


def test_a_drop_names_both_identities(node: Node) -> None:
    packet = udp(DB_ADDRESS[4], WEB_ADDRESS[4], sport=4001, dport=5001)
    result = node.to_pod(packet, ingress=node.devices.uplink)
    dropped_here(result, Reason.CLEAR_INBOUND)
    event = result.events[0]
    assert event.dst_identity in (0, WEB) and event.src_identity in (0, DB)
    assert event.ifindex == node.devices.web.index
