# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""Two CPUs at once: one packet is accepted once, and no sequence seals twice."""

import struct

import pytest

from bench.abi import Hook, Reason
from bench.datapath import FOREIGN_MARK, Verdict
from bench.esp import esp_of
from bench.libbpf import SKBContext
from bench.machine import PEER_MAC
from bench.node import PEERS, WEB, WEB_ADDRESS, Node, framed
from bench.packets import udp
from bench.race import Outcome, race

TURNS = 5000


def at(ifindex: int) -> SKBContext:
    return SKBContext(mark=FOREIGN_MARK, ifindex=ifindex, ingress_ifindex=ifindex)


@pytest.mark.parametrize("outer", (4, 6))
def test_a_duplicate_is_accepted_once(node: Node, outer: int) -> None:
    """The window is checked again where it is set: both CPUs find the packet new, and both open it."""
    peer, uplink = PEERS[outer], node.devices.uplink
    packets = peer.inbound.sealed_many(
        udp(peer.pod(4), WEB_ADDRESS[4], 1), range(1, TURNS + 1), peer.remote, peer.local
    )
    frames = [framed(packet, PEER_MAC, uplink.mac) for packet in packets]
    before = node.datapath.counters()
    turns = race(node.datapath.program(Hook.FROM_UPLINK), frames, at(uplink.index))
    after = node.datapath.counters()
    accepted = [sum(outcome.verdict == Verdict.REDIRECT for outcome in outcomes) for outcomes in turns]
    assert accepted == [1] * TURNS
    assert after[Reason.OPENED][0] - before[Reason.OPENED][0] == TURNS
    assert after[Reason.REPLAY][0] - before[Reason.REPLAY][0] == TURNS
    assert node.datapath.usage(peer.inbound, "in").packets == TURNS
    assert node.datapath.window(peer.inbound)[0] == TURNS


@pytest.mark.parametrize("outer", (4, 6))
def test_no_sequence_seals_twice(node: Node, outer: int) -> None:
    peer, web = PEERS[outer], node.devices.web
    frame = framed(udp(WEB_ADDRESS[4], peer.pod(4), 1), web.far_mac, web.mac)
    turns = race(node.datapath.program(Hook.FROM_POD), [frame] * TURNS, at(web.index))
    sequences = [_sequence(outcome) for outcomes in turns for outcome in outcomes]
    assert sorted(sequences) == list(range(1, 2 * TURNS + 1))
    assert node.datapath.sequence(peer.outbound) == 2 * TURNS
    assert node.datapath.usage(peer.outbound, "out").packets == 2 * TURNS


@pytest.mark.parametrize("outer", (4, 6))
def test_the_last_sequences_are_given_out_once(node: Node, outer: int) -> None:
    """Two CPUs at the limit: one of each turn may find it used up, none goes beyond."""
    peer, web, left = PEERS[outer], node.devices.web, 7
    node.datapath.add_outbound(peer.outbound, peer.number, WEB, seq=1000 - left, seq_limit=1000)
    frame = framed(udp(WEB_ADDRESS[4], peer.pod(4), 1), web.far_mac, web.mac)
    turns = race(node.datapath.program(Hook.FROM_POD), [frame] * 50, at(web.index))
    sealed = [outcome for outcomes in turns for outcome in outcomes if outcome.verdict == Verdict.REDIRECT]
    assert sorted(map(_sequence, sealed)) == list(range(1000 - left + 1, 1001))


def _sequence(outcome: Outcome) -> int:
    assert outcome.verdict == Verdict.REDIRECT
    header, iv = struct.unpack("!4xIQ", esp_of(outcome.frame[14:])[:16])
    assert header == iv
    return iv
