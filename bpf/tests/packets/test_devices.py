# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""What only real devices do: leave checksums to others, carry VLAN tags aside, let listeners share a buffer."""

from typing import Iterator

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether

from bench import esp, streams
from bench.abi import Reason
from bench.attachment import Way
from bench.cluster import POD_OFFLOADS, Cluster, Side
from bench.expect import eventually
from bench.packets import udp
from harness import workloads
from harness.lifetime import Run
from harness.packets import SealedPacket, concerns

FAMILIES = (4, 6)
ETHERNET = 14


@pytest.fixture(scope="module", params=Way, ids=lambda way: way.value)
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    with Run() as run:
        yield Cluster(run, request.param, outer=4)


def test_listeners_at_the_pods_device_hear_what_the_pod_said(cluster: Cluster) -> None:
    """Sealing happens in place: a listener shares the buffer, and must not see it change under its eyes."""
    here, there = cluster.a.pod, cluster.b.pod
    for family in FAMILIES:
        with cluster.a.node.namespace.tap(here.host_interface) as tap:
            assert len(workloads.ping(here, there, family, count=10)) == 10
        addresses = (here.address(family),)
        assert len([frame for frame in tap.frames if concerns(frame, addresses)]) >= 10
        assert not [frame.hex() for frame in tap.frames if SealedPacket.parse(frame, esp.PORT)][:1]


def test_what_was_opened_reaches_the_pod_past_its_device(cluster: Cluster) -> None:
    """It is decided: neither the host's stack nor the device in the host gets it (docs/adr/0016)."""
    here, there = cluster.a.pod, cluster.b.pod
    for family in FAMILIES:
        addresses = (there.address(family),)
        with cluster.b.node.namespace.tap(there.host_interface) as outside, there.namespace.tap("eth0") as inside:
            assert len(workloads.ping(here, there, family, count=10)) == 10
        assert len([frame for frame in inside.frames if concerns(frame, addresses)]) >= 20
        assert 10 <= len([frame for frame in outside.frames if concerns(frame, addresses)]) < 20


def test_what_was_sealed_leaves_unread(cluster: Cluster) -> None:
    """Our hook at the uplink knows our own packets without counting them once more."""
    before = count(cluster.a, Reason.NOT_OURS)
    assert len(workloads.ping(cluster.a.pod, cluster.b.pod, 4, count=10)) == 10
    assert count(cluster.a, Reason.NOT_OURS) - before < 10


def test_listeners_at_the_uplink_hear_what_was_on_the_wire(cluster: Cluster) -> None:
    """Opening likewise: nobody finds a pod's cleartext in a recording of the uplink."""
    a, b = cluster.a, cluster.b
    for family in FAMILIES:
        with b.node.namespace.tap(b.node.uplink) as tap:
            assert len(workloads.ping(a.pod, b.pod, family, count=10)) == 10
        assert not [frame.hex() for frame in tap.frames if concerns(frame, cluster.net.protected)][:1]
        sealed = [packet for packet in (SealedPacket.parse(frame, esp.PORT) for frame in tap.frames) if packet]
        assert len(sealed) == 20
        for packet in sealed:
            sa = a.outbound if packet.spi == a.outbound.spi else b.outbound
            assert sa.opened(packet.frame[ETHERNET:])


@pytest.mark.parametrize("family", FAMILIES)
def test_an_unfinished_checksum_is_not_sealed(cluster: Cluster, family: int) -> None:
    """The device that should finish it never sees the packet: rather none than a broken one."""
    here, there = cluster.a.pod, cluster.b.pod
    before = count(cluster.a, Reason.UNSUPPORTED)
    here.namespace.run("ethtool", "-K", "eth0", "tx", "on")
    try:
        assert streams.udp_arrives(here.namespace, there.namespace, there.address(family), [100]) == []
    finally:
        here.namespace.run("ethtool", "-K", "eth0", *POD_OFFLOADS)
    assert eventually(lambda: count(cluster.a, Reason.UNSUPPORTED) > before)
    assert streams.udp_arrives(here.namespace, there.namespace, there.address(family), [100]) == [100]


def test_a_vlan_tag_at_a_pods_device_hides_nothing(cluster: Cluster) -> None:
    """The kernel takes the tag off before we look: what it was must not be taken for the pod's own."""
    here = cluster.a.pod
    before = count(cluster.a, Reason.UNSUPPORTED)
    for source in (here.v4, "10.42.1.99"):
        send(cluster.a, Dot1Q(vlan=7) / IP(udp(source, cluster.b.pod.v4)))
    assert eventually(lambda: count(cluster.a, Reason.UNSUPPORTED) == before + 2)


def test_a_tagged_packet_is_not_opened(cluster: Cluster) -> None:
    """It is the VLAN's device that it came for, which has programs of its own; and its tag would go to the pod."""
    a, b = cluster.a, cluster.b
    packet = a.outbound.sealed(udp(a.pod.v4, b.pod.v4), 1 << 20, a.node.v4, b.node.v4)
    before = count(b, Reason.OPENED)
    with b.pod.namespace.tap("eth0") as tap:
        frame = Ether(src=a.node.namespace.mac(a.node.uplink), dst=b.node.namespace.mac(b.node.uplink))
        cluster.net.wire.send("to-node-b", bytes(frame / Dot1Q(vlan=7) / IP(packet)))
        cluster.net.wire.send("to-node-b", bytes(frame / Dot1Q(vlan=7) / IP(udp(a.pod.v4, b.pod.v4))))
        assert tap.wait_for(lambda frame: b"\x10\x88" in frame, timeout=0.3) is None
    assert count(b, Reason.OPENED) == before
    assert not [frame.hex() for frame in tap.frames if UDP in Ether(frame)]


def test_tagged_cleartext_is_refused_like_any_other(cluster: Cluster) -> None:
    a, b = cluster.a, cluster.b
    before = count(b, Reason.CLEAR_INBOUND)
    frame = Ether(src=a.node.namespace.mac(a.node.uplink), dst=b.node.namespace.mac(b.node.uplink))
    cluster.net.wire.send("to-node-b", bytes(frame / Dot1Q(vlan=7) / IP(udp(a.pod.v4, b.pod.v4))))
    assert eventually(lambda: count(b, Reason.CLEAR_INBOUND) == before + 1)


def send(side: Side, packet: Dot1Q) -> None:
    """A frame from the pod to its node."""
    frame = Ether(src=side.pod.namespace.mac("eth0"), dst=side.node.namespace.mac(side.pod.host_interface)) / packet
    with side.pod.namespace.packet_socket("eth0") as raw:
        raw.send(bytes(frame))


def count(side: Side, reason: Reason) -> int:
    return side.datapath.counters()[reason][0]
