# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""What a drop tells the daemon, how much of it, and what is counted when it cannot be told."""

import time
from collections import Counter

import pytest

from bench import abi
from bench.abi import Hook, Reason
from bench.datapath import RING_BYTES, now
from bench.esp import enveloped, esp_of
from bench.expect import dropped
from bench.node import PEERS, REMOTE_WEB, STRANGER, UNKNOWN, WEB, WEB_ADDRESS, WITHOUT_SESSION, Node
from bench.packets import udp

FAMILIES = (4, 6)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_drop_at_a_pod_says_who_meant_whom(node: Node, family: int) -> None:
    before = now()
    packet = udp(WEB_ADDRESS[family], WITHOUT_SESSION[family], sport=4001, dport=5001)
    result = node.from_pod(packet)
    dropped(result, Reason.NO_SESSION, Hook.FROM_POD)
    event = result.events[0]
    assert before <= event.boot_ns <= now()
    assert (abi.readable(event.src), abi.readable(event.dst)) == (WEB_ADDRESS[family], WITHOUT_SESSION[family])
    assert (event.src_port, event.dst_port, event.protocol) == (4001, 5001, 17)
    assert (event.peer, event.src_identity, event.ifindex) == (STRANGER, WEB, node.devices.web.index)
    assert (event.length, event.error) == (len(packet), 0)


@pytest.mark.parametrize("outer", FAMILIES)
def test_a_forged_packet_names_the_sa_it_aimed_at(node: Node, outer: int) -> None:
    """Nothing inside can be believed: the outer addresses are what is known."""
    peer = PEERS[outer]
    esp = bytearray(esp_of(peer.inbound.sealed(udp(peer.pod(4), WEB_ADDRESS[4]), 7, peer.remote, peer.local)))
    esp[-1] ^= 1
    result = node.from_uplink(enveloped(bytes(esp), peer.remote, peer.local))
    dropped(result, Reason.BAD_TAG, Hook.FROM_UPLINK)
    event = result.events[0]
    assert (abi.readable(event.src), abi.readable(event.dst)) == (peer.remote, peer.local)
    assert (event.spi, event.sequence, event.peer) == (peer.inbound.spi, 7, peer.number)
    assert event.ifindex == node.devices.uplink.index


def test_an_opened_packet_that_is_refused_names_its_inner_ends(node: Node) -> None:
    peer = PEERS[4]
    packet = udp(UNKNOWN[4], WEB_ADDRESS[4], sport=1, dport=2)
    result = node.from_uplink(peer.inbound.sealed(packet, 1, peer.remote, peer.local))
    dropped(result, Reason.UNBOUND_SOURCE, Hook.FROM_UPLINK)
    event = result.events[0]
    assert (abi.readable(event.src), abi.readable(event.dst)) == (UNKNOWN[4], WEB_ADDRESS[4])
    assert (event.spi, event.sequence, event.peer, event.src_identity) == (peer.inbound.spi, 1, peer.number, REMOTE_WEB)


def test_counters_hold_bytes_of_packets(node: Node) -> None:
    for length in (0, 9, 900):
        packet = udp(WEB_ADDRESS[4], UNKNOWN[4], length)
        assert node.from_pod(packet).counted == {Reason.UNKNOWN_DESTINATION: (1, len(packet))}


def test_a_reason_has_a_rate_of_its_own(node: Node) -> None:
    burst, packets = 5, 60
    packet, other = udp(WEB_ADDRESS[4], UNKNOWN[4]), udp(UNKNOWN[4], UNKNOWN[4])
    node.datapath.configure(event_burst=burst)
    _wait_for_a_new_second()
    lost = node.datapath.lost_events()
    told = [event for _ in range(packets) for event in node.from_pod(packet).events]
    in_each_second = Counter(event.boot_ns // 10**9 for event in told)
    assert burst <= len(told) < packets and max(in_each_second.values()) == burst
    ring_full, limited = node.datapath.lost_events()
    assert (ring_full - lost[0], limited - lost[1]) == (0, packets - len(told))
    assert len(node.from_pod(other).events) == 1
    _wait_for_a_new_second()
    assert len(node.from_pod(packet).events) == 1


def test_a_full_ring_is_counted_and_drops_go_on(node: Node) -> None:
    packet, packets = udp(WEB_ADDRESS[4], UNKNOWN[4]), RING_BYTES // 88
    before = node.datapath.lost_events()[0]
    with node.datapath.events_unread():
        reasons = [node.from_pod(packet).reasons for _ in range(packets)]
    assert reasons == [{Reason.UNKNOWN_DESTINATION}] * packets
    # Each record has a header: fewer fit than the ring has room for.
    assert node.datapath.lost_events()[0] > before
    dropped(node.from_pod(packet), Reason.UNKNOWN_DESTINATION, Hook.FROM_POD)


def _wait_for_a_new_second() -> None:
    """Rates are counted by seconds of boot time: starts one, so that it does not turn in between."""
    time.sleep(1 - now() % 10**9 / 10**9)
