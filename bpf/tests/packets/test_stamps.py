# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""The stamp in skb->mark: wherever the administrator puts it, of whatever width, beside what others keep there."""

import pytest

from bench.abi import Hook, Reason, Stamp
from bench.datapath import Verdict
from bench.node import DB_ADDRESS, PEERS, WEB_ADDRESS, WORLD, Node, framed
from bench.packets import udp

MASKS = [(0b11, 0), (0b11 << 30, 30), (0b11 << 15, 15), (0xFF << 8, 8), (0xFFFFFFFF, 0)]
OTHERS = 0xA5A5_A5A5


@pytest.fixture(params=MASKS, ids=lambda mask: f"{mask[0]:#x}")
def mask(request: pytest.FixtureRequest, node: Node) -> tuple[int, int]:
    mark_mask, shift = request.param
    node.datapath.configure(mark_mask=mark_mask, mark_shift=shift)
    return mark_mask, shift


def mark(mask: tuple[int, int], stamp: int) -> int:
    """Others' bits, and this stamp where ours is."""
    return OTHERS & ~mask[0] | stamp << mask[1]


@pytest.mark.parametrize("was", (0, 1, 2, 3))
def test_stamps_stay_within_the_mask(node: Node, mask: tuple[int, int], was: int) -> None:
    world, local = udp(WEB_ADDRESS[4], WORLD[4]), udp(WEB_ADDRESS[4], DB_ADDRESS[4])
    assert node.from_pod(world, mark=mark(mask, was)).mark == mark(mask, Stamp.POD)
    assert node.from_pod(local, mark=mark(mask, was)).mark == mark(mask, Stamp.POD)
    sealed = node.from_pod(udp(WEB_ADDRESS[4], PEERS[4].pod(4)), mark=mark(mask, was))
    assert sealed.mark == mark(mask, Stamp.SEALED)
    assert node.from_uplink(udp(WORLD[4], WEB_ADDRESS[4]), mark=mark(mask, was)).mark == mark(mask, Stamp.NONE)


def test_stamps_are_read_within_the_mask(node: Node, mask: tuple[int, int]) -> None:
    packet = udp(PEERS[4].pod(4), WEB_ADDRESS[4])
    web, uplink = node.devices.web, node.devices.uplink
    frame = framed(packet, web.mac, web.far_mac)
    for stamp, verdict in ((Stamp.OPENED, Verdict.PASS), (Stamp.NONE, Verdict.DROP)):
        result = node.datapath.run(Hook.TO_POD, frame, web.index, mark(mask, stamp), ingress_ifindex=uplink.index)
        assert result.verdict == verdict


def test_a_value_that_is_no_stamp_opens_nothing(node: Node) -> None:
    """A wide mask has room for values that we never set."""
    node.datapath.configure(mark_mask=0xFF00, mark_shift=8)
    web, uplink = node.devices.web, node.devices.uplink
    frame = framed(udp(PEERS[4].pod(4), WEB_ADDRESS[4]), web.mac, web.far_mac)
    for value in (4, 5, 7, 0x13, 0x83, 0xFF):
        result = node.datapath.run(Hook.TO_POD, frame, web.index, value << 8, ingress_ifindex=uplink.index)
        assert (result.verdict, result.reasons) == (Verdict.DROP, {Reason.CLEAR_INBOUND})
        frame_out = framed(udp(WEB_ADDRESS[4], PEERS[4].pod(4)), uplink.mac, uplink.far_mac)
        result = node.datapath.run(Hook.TO_UPLINK, frame_out, uplink.index, value << 8, ingress_ifindex=web.index)
        assert (result.verdict, result.reasons) == (Verdict.DROP, {Reason.UNSTAMPED})


def test_without_bits_to_stamp_nothing_is_trusted(node: Node) -> None:
    """A mask of nothing is a mistake, and must not make every packet look decided."""
    node.datapath.configure(mark_mask=0, mark_shift=0)
    result = node.to_pod(udp(PEERS[4].pod(4), WEB_ADDRESS[4]), Stamp.OPENED, node.devices.uplink)
    assert result.verdict == Verdict.DROP
    result = node.to_uplink(udp(WEB_ADDRESS[4], PEERS[4].pod(4)), Stamp.POD, node.devices.web)
    assert result.verdict == Verdict.DROP
