# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""The replay window (RFC 4303 3.4.3, RFC 6479): each sequence once, none older than the window.

The cases follow the counter self-test of WireGuard, for our window and with sequences that start at 1."""

import pytest

from bench.abi import Constant, Hook, Reason
from bench.datapath import SEQUENCE_MAX, Verdict
from bench.expect import dropped, redirected
from bench.node import PEERS, WEB_ADDRESS, Node
from bench.packets import udp

W = Constant.REPLAY_WINDOW
RING = 64 * Constant.REPLAY_WORDS

# (sequence, whether it is accepted), in order, from an empty window.
TABLES: dict[str, list[tuple[int, bool]]] = {
    "0 is never a sequence": [(0, False), (1, True), (0, False)],
    "each once": [
        (1, True), (1, False), (2, True), (10, True), (9, True), (8, True), (8, False), (10, False), (2, False),
    ],
    "the far end of the window": [
        (1, True), (W + 2, True), (2, True), (2, False), (1, False), (W + 2, False),
        (W + 1, True), (W, True), (W + 1, False), (3, True),
    ],
    "just outside": [(W + 10, True), (10, True), (9, False), (10, False), (11, True), (8, False)],
    "a leap forgets": [(5, True), (4 * W, True), (4 * W - W, True), (3 * W - 1, False), (5, False), (4 * W - 1, True)],
    "a leap of exactly the ring": [(7, True), (7 + RING, True), (7 + RING - W, True), (7 + RING, False), (7, False)],
    "a leap of a window": [(7, True), (7 + W, True), (7, False), (8, True), (6, False)],
    "bits of the last turn do not stay": [(64, True), (64 + RING, True), (64 + RING - 1, True), (65 + RING, True)],
    "words between are cleared": [
        (1, True), (70, True), (140, True), (140 + RING, True), (70 + RING, True), (70 + RING + 64, True),
        (70 + RING, False),
    ],
    "word boundaries": [
        (63, True), (64, True), (65, True), (127, True), (128, True), (63, False), (64, False), (128, False),
    ],
    "the end": [
        (SEQUENCE_MAX - 1, True), (SEQUENCE_MAX, True), (SEQUENCE_MAX, False), (SEQUENCE_MAX - W, True),
        (SEQUENCE_MAX - W - 1, False), (1, False),
    ],
}


class Receiver:
    """Packets of one SA, all alike but for their sequence."""

    def __init__(self, node: Node, outer: int) -> None:
        self.node, self.peer = node, PEERS[outer]
        self.packet = udp(self.peer.pod(4), WEB_ADDRESS[4], 1)

    def accepts(self, *sequences: int) -> list[bool]:
        """Whether each is accepted, in this order."""
        packets = self.peer.inbound.sealed_many(self.packet, sequences, self.peer.remote, self.peer.local)
        return [self._is_accepted(packet) for packet in packets]

    def _is_accepted(self, outer: bytes) -> bool:
        result = self.node.from_uplink(outer)
        if result.verdict == Verdict.DROP:
            dropped(result, Reason.REPLAY, Hook.FROM_UPLINK)
            return False
        redirected(result, Reason.OPENED)
        return True


@pytest.fixture(params=(4, 6), ids=("outer IPv4", "outer IPv6"))
def receiver(node: Node, request: pytest.FixtureRequest) -> Receiver:
    return Receiver(node, request.param)


@pytest.mark.parametrize("name", TABLES)
def test_table(receiver: Receiver, name: str) -> None:
    sequences, expected = zip(*TABLES[name])
    assert receiver.accepts(*sequences) == list(expected)


ORDERS: dict[str, list[int]] = {
    "upwards": list(range(1, W + 2)),
    "downwards": list(range(W + 1, 0, -1)),
    "even, then odd": [*range(2, W + 2, 2), *range(1, W + 2, 2)],
    "the first last": [*range(2, W + 2), 1],
}


@pytest.mark.parametrize("name", ORDERS)
def test_a_full_window_in_any_order(receiver: Receiver, name: str) -> None:
    """Every sequence within a window is accepted once, in whatever order it comes."""
    order = ORDERS[name]
    assert all(receiver.accepts(*order))
    assert not any(receiver.accepts(*order[::61]))


def test_downwards_from_beyond_the_window(receiver: Receiver) -> None:
    """One more than fits: the last is too old."""
    assert receiver.accepts(*range(W + 2, 0, -1)) == [True] * (W + 1) + [False]


def test_a_forged_packet_does_not_move_the_window(receiver: Receiver) -> None:
    assert receiver.accepts(10) == [True]
    before = receiver.node.datapath.window(receiver.peer.inbound)
    outer = bytearray(
        receiver.peer.inbound.sealed(receiver.packet, SEQUENCE_MAX, receiver.peer.remote, receiver.peer.local)
    )
    outer[-1] ^= 1
    dropped(receiver.node.from_uplink(bytes(outer)), Reason.BAD_TAG, Hook.FROM_UPLINK)
    assert receiver.node.datapath.window(receiver.peer.inbound) == before
    assert receiver.accepts(11, 10) == [True, False]


def test_each_sa_has_its_own_window(receiver: Receiver) -> None:
    peer = PEERS[6 if receiver.peer.outer == 4 else 4]
    assert receiver.accepts(1) == [True]
    packet = peer.inbound.sealed(udp(peer.pod(4), WEB_ADDRESS[4]), 1, peer.remote, peer.local)
    redirected(receiver.node.from_uplink(packet), Reason.OPENED)


def test_a_used_sequence_costs_no_cipher(receiver: Receiver) -> None:
    """The window is looked at first: with a wrong tag, what was there already is still a replay."""
    peer = receiver.peer
    assert receiver.accepts(10) == [True]
    outer = bytearray(peer.inbound.sealed(receiver.packet, 10, peer.remote, peer.local))
    outer[-1] ^= 1
    dropped(receiver.node.from_uplink(bytes(outer)), Reason.REPLAY, Hook.FROM_UPLINK)
