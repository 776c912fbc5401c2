# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""Where from_pod lets a packet go, and whose packets it takes."""

import itertools

import pytest

from bench.abi import Constant, Hook, Reason, Stamp
from bench.datapath import Result, Verdict
from bench.expect import dropped, passed, redirected
from bench.machine import GATEWAY_V4, GATEWAY_V6
from bench.neighbours import arp, solicitation
from bench.node import (
    DB_ADDRESS, NODE_ADDRESS, PEERS, UNKNOWN, WEB_ADDRESS, WITHOUT_SESSION, WORLD, Node, marked,
)
from bench.packets import udp

FAMILIES = (4, 6)
COMBINATIONS = list(itertools.product(FAMILIES, FAMILIES))


def dropped_here(result: Result, reason: Reason) -> None:
    dropped(result, reason, Hook.FROM_POD)


# Where it goes


@pytest.mark.parametrize("family", FAMILIES)
def test_to_the_pod_beside(node: Node, family: int) -> None:
    packet = udp(WEB_ADDRESS[family], DB_ADDRESS[family])
    result = node.from_pod(packet)
    passed(result, Reason.LOCAL)
    assert (result.packet, result.mark) == (packet, marked(Stamp.POD))


@pytest.mark.parametrize("family", FAMILIES)
def test_to_the_world(node: Node, family: int) -> None:
    packet = udp(WEB_ADDRESS[family], WORLD[family])
    result = node.from_pod(packet)
    passed(result, Reason.WORLD)
    assert (result.packet, result.mark) == (packet, marked(Stamp.POD))


@pytest.mark.parametrize("destination", (NODE_ADDRESS[4], GATEWAY_V4, NODE_ADDRESS[6]))
def test_to_this_host(node: Node, destination: str) -> None:
    """Its addresses inside protected too: the pods' gateway is one."""
    packet = udp(WEB_ADDRESS[6 if ":" in destination else 4], destination)
    result = node.from_pod(packet)
    passed(result, Reason.TO_HOST)
    assert result.packet == packet


@pytest.mark.parametrize("inner, outer", COMBINATIONS)
def test_to_a_pod_of_another_node(node: Node, inner: int, outer: int) -> None:
    redirected(node.from_pod(udp(WEB_ADDRESS[inner], PEERS[outer].pod(inner))), Reason.SEALED)


DESTINATIONS: dict[str, tuple[dict[int, str], Reason]] = {
    "known, without a session": (WITHOUT_SESSION, Reason.NO_SESSION),
    "in protected, announced by nobody": (UNKNOWN, Reason.UNKNOWN_DESTINATION),
    "multicast": ({4: "239.1.2.3", 6: "ff0e::42"}, Reason.MULTICAST),
    "multicast on the link": ({4: "224.0.0.251", 6: "ff02::fb"}, Reason.MULTICAST),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", DESTINATIONS)
def test_nowhere(node: Node, family: int, name: str) -> None:
    addresses, reason = DESTINATIONS[name]
    dropped_here(node.from_pod(udp(WEB_ADDRESS[family], addresses[family])), reason)


def test_limited_broadcast_is_multicast(node: Node) -> None:
    dropped_here(node.from_pod(udp(WEB_ADDRESS[4], "255.255.255.255")), Reason.MULTICAST)


@pytest.mark.parametrize("family", FAMILIES)
def test_permissive_lets_the_unknown_leave(node: Node, family: int) -> None:
    node.datapath.configure(flags=Constant.F_READY | Constant.F_PERMISSIVE)
    packet = udp(WEB_ADDRESS[family], UNKNOWN[family])
    result = node.from_pod(packet)
    assert (result.verdict, result.packet, result.stamp) == (Verdict.PASS, packet, Stamp.POD)


@pytest.mark.parametrize("family", FAMILIES)
def test_permissive_is_for_the_unknown_alone(node: Node, family: int) -> None:
    addresses, reason = DESTINATIONS["known, without a session"]
    node.datapath.configure(flags=Constant.F_READY | Constant.F_PERMISSIVE)
    dropped_here(node.from_pod(udp(WEB_ADDRESS[family], addresses[family])), reason)


# Who sends


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pod_has_its_own_addresses_only(node: Node, family: int) -> None:
    """Not its neighbour's, its gateway's, its node's, another node's, the world's; whoever it writes to."""
    special = {4: (GATEWAY_V4, "127.0.0.1", "0.0.0.0"), 6: ("fd42:0:0:1::1", "::1", "::")}[family]
    others = (DB_ADDRESS[family], NODE_ADDRESS[family], UNKNOWN[family], PEERS[4].pod(family), WORLD[family])
    destinations = (DB_ADDRESS, NODE_ADDRESS, WORLD, UNKNOWN, {4: PEERS[4].pod(4), 6: PEERS[4].pod(6)})
    for source, destination in itertools.product(special + others, destinations):
        dropped_here(node.from_pod(udp(source, destination[family])), Reason.SPOOFED_SOURCE)


def test_ipv4_in_the_clothes_of_ipv6(node: Node) -> None:
    """The ABI's form of an IPv4 address is no IPv6 source."""
    for source in (f"::ffff:{WEB_ADDRESS[4]}", f"::{WEB_ADDRESS[4]}"):
        result = node.from_pod(udp(source, PEERS[4].pod(6)))
        assert result.verdict == Verdict.DROP and result.reasons <= {Reason.SPOOFED_SOURCE, Reason.MALFORMED}


def test_ipv4_mapped_destinations_lead_nowhere(node: Node) -> None:
    for destination in (PEERS[4].pod_v4, DB_ADDRESS[4]):
        result = node.from_pod(udp(WEB_ADDRESS[6], f"::ffff:{destination}"))
        assert result.verdict == Verdict.DROP


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pod_without_identity_says_nothing(node: Node, family: int) -> None:
    web = node.devices.web
    node.datapath.add_pod(web.index, web.far_mac, 0, *WEB_ADDRESS.values())
    for destination in (DB_ADDRESS, NODE_ADDRESS, WORLD, UNKNOWN, {4: PEERS[4].pod(4), 6: PEERS[4].pod(6)}):
        dropped_here(node.from_pod(udp(WEB_ADDRESS[family], destination[family])), Reason.NO_IDENTITY)


def test_a_pod_without_identity_may_ask_for_its_gateway(node: Node) -> None:
    web = node.devices.web
    node.datapath.add_pod(web.index, web.far_mac, 0, *WEB_ADDRESS.values())
    passed(node.from_pod(arp(node, 1, WEB_ADDRESS[4], GATEWAY_V4)), Reason.NEIGHBOUR)
    passed(node.from_pod(solicitation(node, WEB_ADDRESS[6], GATEWAY_V6)), Reason.NEIGHBOUR)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_device_that_is_no_pod_says_nothing(node: Node, family: int) -> None:
    node.datapath.remove_pod(node.devices.web.index)
    dropped_here(node.from_pod(udp(WEB_ADDRESS[family], WORLD[family])), Reason.NO_IDENTITY)


@pytest.mark.parametrize("mark", range(4))
def test_a_forged_stamp_changes_nothing(node: Node, mark: int) -> None:
    """Whoever shares the host's devices may set marks; what counts is what we decide."""
    stamp = Stamp(mark)
    dropped_here(node.from_pod(udp(DB_ADDRESS[4], WORLD[4]), mark=marked(stamp)), Reason.SPOOFED_SOURCE)
    result = node.from_pod(udp(WEB_ADDRESS[4], WORLD[4]), mark=marked(stamp))
    passed(result, Reason.WORLD)
    assert result.mark == marked(Stamp.POD)
    result = node.from_pod(arp(node, 1, WEB_ADDRESS[4], GATEWAY_V4), mark=marked(stamp))
    passed(result, Reason.NEIGHBOUR)
    assert result.mark == marked(Stamp.NONE)


# Before there is an image


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "config", ({"flags": 0}, {"flags": 1}, {"abi_version": 0, "abi_oldest": 0}, {"abi_version": 2, "abi_oldest": 2})
)
def test_nothing_passes_before_the_image(node: Node, family: int, config: dict[str, int]) -> None:
    """Not even by permission: an empty configuration and one of another version are strict."""
    node.datapath.configure(**config)
    for destination in (DB_ADDRESS, WORLD, UNKNOWN, {4: PEERS[4].pod(4), 6: PEERS[4].pod(6)}):
        dropped_here(node.from_pod(udp(WEB_ADDRESS[family], destination[family])), Reason.NOT_READY)


@pytest.mark.parametrize("config", ({"abi_version": 2, "abi_oldest": 1}, {"abi_version": 9, "abi_oldest": 0}))
def test_a_newer_configuration_that_these_programs_know_is_one(node: Node, config: dict[str, int]) -> None:
    """In an upgrade the newer daemon writes it before the last of the older programs is replaced."""
    node.datapath.configure(**config)
    passed(node.from_pod(udp(WEB_ADDRESS[4], WORLD[4])), Reason.WORLD)


def test_nothing_passes_without_a_configuration(node: Node) -> None:
    """As the maps are right after loading."""
    node.datapath.reset()
    result = node.from_pod(udp(WEB_ADDRESS[4], WORLD[4]))
    assert (result.verdict, result.reasons) == (Verdict.DROP, {Reason.NOT_READY})
