# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""ARP and neighbour discovery from a pod: about itself, to the host, and never in a router's name."""

from typing import Callable

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import (
    ICMPv6MLReport2, ICMPv6ND_NA, ICMPv6ND_RA, ICMPv6ND_Redirect, ICMPv6ND_RS, IPv6, IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, RouterAlert,
)
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from bench.abi import Hook, Reason
from bench.datapath import Result, Verdict
from bench.expect import dropped, passed
from bench.machine import GATEWAY_V4, GATEWAY_V6
from bench.neighbours import ALL_NODES, advertisement, arp, nd, solicitation
from bench.node import DB_ADDRESS, NODE_ADDRESS, PEERS, WEB_ADDRESS, WORLD, Node

LINK_LOCAL = "fe80::10"


def dropped_here(result: Result, reason: Reason) -> None:
    dropped(result, reason, Hook.FROM_POD)


def test_arp_with_its_own_sender(node: Node) -> None:
    for operation in (1, 2):
        passed(node.from_pod(arp(node, operation, WEB_ADDRESS[4], GATEWAY_V4)), Reason.NEIGHBOUR)


ARP_FORGERIES: dict[str, Callable[[Node], Packet]] = {
    "as its neighbour": lambda node: arp(node, 1, DB_ADDRESS[4], GATEWAY_V4),
    "answer as its neighbour": lambda node: arp(node, 2, DB_ADDRESS[4], GATEWAY_V4),
    "as its gateway": lambda node: arp(node, 2, GATEWAY_V4, GATEWAY_V4),
    "as the node": lambda node: arp(node, 1, NODE_ADDRESS[4], GATEWAY_V4),
    "with another's hardware address": lambda node: arp(
        node, 2, WEB_ADDRESS[4], GATEWAY_V4, hardware=node.devices.db.far_mac
    ),
    "cut short": lambda node: Ether(bytes(arp(node, 1, WEB_ADDRESS[4], GATEWAY_V4))[:30]),
    "of another protocol": lambda node: arp(node, 1, WEB_ADDRESS[4], GATEWAY_V4, ptype=0x86DD),
    "of another hardware": lambda node: arp(node, 1, WEB_ADDRESS[4], GATEWAY_V4, hwtype=6),
}


@pytest.mark.parametrize("name", ARP_FORGERIES)
def test_forged_arp(node: Node, name: str) -> None:
    result = node.from_pod(ARP_FORGERIES[name](node))
    assert result.verdict == Verdict.DROP
    assert result.reasons <= {Reason.ROUTER_ADVERT, Reason.MALFORMED, Reason.UNSUPPORTED} and len(result.events) == 1


NEIGHBOURLY: dict[str, Callable[[Node], Packet]] = {
    "solicitation": lambda node: solicitation(node, WEB_ADDRESS[6], GATEWAY_V6),
    "solicitation from its link-local address": lambda node: solicitation(node, LINK_LOCAL, GATEWAY_V6),
    "duplicate address detection": lambda node: solicitation(node, "::", WEB_ADDRESS[6]),
    "duplicate address detection, link-local": lambda node: solicitation(node, "::", LINK_LOCAL),
    "advertisement of itself": lambda node: advertisement(node, WEB_ADDRESS[6], WEB_ADDRESS[6]),
    "router solicitation": lambda node: nd(node, LINK_LOCAL, ICMPv6ND_RS(), "ff02::2"),
    "listener report": lambda node: (
        Ether(src=node.devices.web.far_mac, dst=ALL_NODES) / IPv6(src=LINK_LOCAL, dst="ff02::16", hlim=1)
        / IPv6ExtHdrHopByHop(options=[RouterAlert()]) / ICMPv6MLReport2()
    ),
}


@pytest.mark.parametrize("name", NEIGHBOURLY)
def test_neighbour_discovery(node: Node, name: str) -> None:
    passed(node.from_pod(NEIGHBOURLY[name](node)), Reason.NEIGHBOUR)


ND_FORGERIES: dict[str, Callable[[Node], Packet]] = {
    "router advertisement": lambda node: nd(node, LINK_LOCAL, ICMPv6ND_RA()),
    "router advertisement as the gateway": lambda node: nd(node, GATEWAY_V6, ICMPv6ND_RA()),
    "redirect": lambda node: nd(node, LINK_LOCAL, ICMPv6ND_Redirect(tgt=LINK_LOCAL, dst=WORLD[6]), GATEWAY_V6),
    "advertisement of its neighbour": lambda node: advertisement(node, WEB_ADDRESS[6], DB_ADDRESS[6]),
    "advertisement of the node": lambda node: advertisement(node, LINK_LOCAL, NODE_ADDRESS[6]),
    "advertisement from its neighbour": lambda node: advertisement(node, DB_ADDRESS[6], DB_ADDRESS[6]),
    "solicitation from its neighbour": lambda node: solicitation(node, DB_ADDRESS[6], GATEWAY_V6),
    "router advertisement behind a header": lambda node: (
        Ether(src=node.devices.web.far_mac, dst=ALL_NODES) / IPv6(src=LINK_LOCAL, dst="ff02::1", hlim=255)
        / IPv6ExtHdrDestOpt() / ICMPv6ND_RA()
    ),
    "router advertisement in a fragment": lambda node: (
        Ether(src=node.devices.web.far_mac, dst=ALL_NODES) / IPv6(src=LINK_LOCAL, dst="ff02::1", hlim=255)
        / IPv6ExtHdrFragment(nh=58) / ICMPv6ND_RA()
    ),
}


@pytest.mark.parametrize("name", ND_FORGERIES)
def test_forged_neighbour_discovery(node: Node, name: str) -> None:
    """RA, redirect and foreign claims; by whatever door, they do not reach the host."""
    result = node.from_pod(ND_FORGERIES[name](node))
    assert result.verdict == Verdict.DROP and len(result.events) == 1
    assert result.reasons <= {
        Reason.ROUTER_ADVERT, Reason.SPOOFED_SOURCE, Reason.MULTICAST, Reason.FRAGMENT, Reason.MALFORMED,
    }


@pytest.mark.parametrize("kind", (5, 9), ids=("redirect", "router advertisement"))
@pytest.mark.parametrize("destination", (GATEWAY_V4, DB_ADDRESS[4], PEERS[4].pod_v4))
def test_forged_routing_by_icmp(node: Node, kind: int, destination: str) -> None:
    """Of IPv4 (RFC 792, RFC 1256): a pod tells nobody which way to go."""
    packet = IP(src=WEB_ADDRESS[4], dst=destination) / ICMP(type=kind) / bytes(28)
    dropped_here(node.from_pod(bytes(packet)), Reason.ROUTER_ADVERT)


@pytest.mark.parametrize("name", ("router advertisement", "redirect"))
def test_advertisements_are_named(node: Node, name: str) -> None:
    dropped_here(node.from_pod(ND_FORGERIES[name](node)), Reason.ROUTER_ADVERT)


def test_neighbour_discovery_is_never_sealed(node: Node) -> None:
    """Sent to a pod of another node by its address, it stays here (RFC 4861 wants hop limit 255 on the link only)."""
    result = node.from_pod(nd(node, WEB_ADDRESS[6], ICMPv6ND_NA(tgt=WEB_ADDRESS[6]), PEERS[4].pod_v6))
    assert Reason.SEALED not in result.reasons
