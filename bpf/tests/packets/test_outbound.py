# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""Which SA seals, until when, how often, and by which route it leaves."""

import pytest

from bench.abi import Hook, Reason
from bench.datapath import SEQUENCE_MAX, Result, Verdict, now
from bench.expect import dropped, redirected
from bench.machine import SILENT_V4
from bench.node import DB_ADDRESS, OTHER, PEERS, WEB, WEB_ADDRESS, Node
from bench.packets import forwarded, udp

FAMILIES = (4, 6)


def dropped_here(result: Result, reason: Reason) -> None:
    dropped(result, reason, Hook.FROM_POD)


def test_an_sa_ends_at_its_deadline(node: Node) -> None:
    peer, packet = PEERS[4], udp(WEB_ADDRESS[4], PEERS[4].pod(4))
    for deadline in (now() - 1, 0):
        node.datapath.add_outbound(peer.outbound, peer.number, WEB, deadline_ns=deadline)
        dropped_here(node.from_pod(packet), Reason.SA_EXPIRED)
    assert node.datapath.sequence(peer.outbound) == 0


@pytest.mark.parametrize("limit", (1, 10, 2**31, SEQUENCE_MAX))
def test_the_last_sequence_is_the_limit(node: Node, limit: int) -> None:
    peer, packet = PEERS[4], udp(WEB_ADDRESS[4], PEERS[4].pod(4))
    node.datapath.add_outbound(peer.outbound, peer.number, WEB, seq=limit - 1, seq_limit=limit)
    result = node.from_pod(packet)
    redirected(result, Reason.SEALED)
    assert peer.outbound.opened(result.packet) == forwarded(packet)
    for _ in range(3):
        dropped_here(node.from_pod(packet), Reason.SEQ_EXHAUSTED)


@pytest.mark.parametrize("limit", (2**32, 2**33, 2**64 - 1))
def test_no_limit_lets_it_wrap(node: Node, limit: int) -> None:
    """The wire has 32 bits: a larger limit would send sequence 0 and repeat what was sent."""
    peer, packet = PEERS[4], udp(WEB_ADDRESS[4], PEERS[4].pod(4))
    node.datapath.add_outbound(peer.outbound, peer.number, WEB, seq=SEQUENCE_MAX, seq_limit=limit)
    dropped_here(node.from_pod(packet), Reason.SEQ_EXHAUSTED)


DISAGREEMENTS: dict[str, dict] = {
    "another SPI in the slot": {"record": {"spi": 0x1045}},
    "another peer in the slot": {"record": {"peer": 2}},
    "another identity in the slot": {"record": {"identity": OTHER}},
    "another SPI in the index": {"ref_spi": 0x1045},
    "another slot in the index": {"ref_slot": 9},
    "a slot beyond the table": {"ref_slot": 1 << 20},
}


@pytest.mark.parametrize("name", DISAGREEMENTS)
def test_slot_and_index_must_agree(node: Node, name: str) -> None:
    peer = PEERS[4]
    node.datapath.add_outbound(peer.outbound, 1, WEB, **DISAGREEMENTS[name])
    dropped_here(node.from_pod(udp(WEB_ADDRESS[4], peer.pod(4))), Reason.BAD_SLOT)
    assert node.datapath.sequence(peer.outbound) == 0


@pytest.mark.parametrize("suite", (0, 2, 255))
def test_a_slot_of_an_unknown_suite_is_not_used(node: Node, suite: int) -> None:
    peer = PEERS[4]
    node.datapath.add_outbound(peer.outbound, peer.number, WEB, record={"suite": suite})
    result = node.from_pod(udp(WEB_ADDRESS[4], peer.pod(4)))
    assert result.verdict == Verdict.DROP and result.reasons <= {Reason.BAD_SLOT, Reason.UNSUPPORTED}


def test_an_identity_has_its_own_sa(node: Node) -> None:
    """db's identity has none with the peer: it does not borrow web's."""
    packet = udp(DB_ADDRESS[4], PEERS[4].pod(4))
    dropped_here(node.from_pod(packet, pod=node.devices.db), Reason.NO_SESSION)


def test_a_peer_that_is_gone(node: Node) -> None:
    node.datapath.remove_peer(PEERS[4].number)
    result = node.from_pod(udp(WEB_ADDRESS[4], PEERS[4].pod(4)))
    assert result.verdict == Verdict.DROP and result.reasons <= {Reason.NO_SESSION, Reason.NO_ROUTE}


@pytest.mark.parametrize("outer", FAMILIES)
def test_no_route_to_the_peer(node: Node, outer: int) -> None:
    peer = PEERS[outer]
    route = {4: f"{peer.remote}/32", 6: f"{peer.remote}/128"}[outer]
    node.devices.route("add", f"unreachable {route}")
    try:
        dropped_here(node.from_pod(udp(WEB_ADDRESS[4], peer.pod(4))), Reason.NO_ROUTE)
    finally:
        node.devices.route("del", f"unreachable {route}")
    assert node.datapath.sequence(peer.outbound) == 0


def test_an_unresolved_neighbour_is_the_kernels_to_resolve(node: Node) -> None:
    peer = PEERS[4]
    node.datapath.add_peer(peer.number, peer.local, SILENT_V4)
    result = node.from_pod(udp(WEB_ADDRESS[4], peer.pod(4)))
    assert result.reasons <= {Reason.SEALED, Reason.NO_ROUTE} and result.verdict != Verdict.PASS
