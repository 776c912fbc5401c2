# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""Real packets between two nodes, the programs at their devices: what pods send arrives, and the wire sees ESP."""

import itertools
import re
from typing import Callable, Iterator

import pytest

from bench import esp, streams
from bench.abi import Reason
from bench.attachment import Way
from bench.cluster import Cluster
from bench.datapath import Datapath
from bench.expect import eventually
from bench.packets import HEADER, largest_inner
from harness import workloads
from harness.commands import CommandFailed
from harness.lifetime import Run
from harness.packets import SealedPacket, concerns
from harness.tap import Tap

FAMILIES = (4, 6)
DROPS = [reason for reason in Reason if Reason.SPOOFED_SOURCE <= reason < Reason.COUNT]
MEGABYTES = 4
ICMP_HEADER = 8


KINDS = list(itertools.product(Way, FAMILIES))


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: f"{kind[0].value}-over-IPv{kind[1]}")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    with Run() as run:
        way, outer = request.param
        yield Cluster(run, way, outer)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", (16, 57, 1300))
def test_pings_return(cluster: Cluster, family: int, size: int) -> None:
    with cluster.net.wire.tap("to-node-b") as tap:
        assert len(workloads.ping(cluster.a.pod, cluster.b.pod, family, count=20, size=size)) == 20
        assert len(workloads.ping(cluster.b.pod, cluster.a.pod, family, count=20, size=size)) == 20
    only_esp(cluster, tap, at_least=80)


@pytest.mark.parametrize("family", FAMILIES)
def test_datagrams_arrive(cluster: Cluster, family: int) -> None:
    lengths = [*range(0, 70), 500, 1200, 1300, 1350]
    for here, there in ((cluster.a.pod, cluster.b.pod), (cluster.b.pod, cluster.a.pod)):
        with cluster.net.wire.tap("to-node-b") as tap:
            address = there.address(family)
            assert streams.udp_arrives(here.namespace, there.namespace, address, lengths) == lengths
        only_esp(cluster, tap, at_least=len(lengths))


@pytest.mark.parametrize("family", FAMILIES)
def test_streams_arrive(cluster: Cluster, family: int) -> None:
    """Segmentation is left to the pod's stack (GSO); at 1500 bytes, path MTU and MSS are ours to say."""
    for here, there in ((cluster.a, cluster.b), (cluster.b, cluster.a)):
        drops = dropped(here.datapath), dropped(there.datapath)
        with cluster.net.wire.tap("to-node-b") as tap:
            address = there.pod.address(family)
            assert streams.tcp_arrives(here.pod.namespace, there.pod.namespace, address, MEGABYTES)
        only_esp(cluster, tap, at_least=(MEGABYTES << 20) // 1500)
        assert (dropped(here.datapath), dropped(there.datapath)) == drops, "nothing was dropped on the way"


@pytest.mark.parametrize("family", FAMILIES)
def test_what_the_pod_fragments_arrives(cluster: Cluster, family: int) -> None:
    """A first datagram may be lost to teach the pod the path's MTU; the next is in fragments that fit."""
    for here, there in ((cluster.a.pod, cluster.b.pod), (cluster.b.pod, cluster.a.pod)):
        with cluster.net.wire.tap("to-node-b") as tap:
            address = there.address(family)
            assert streams.udp_arrives(here.namespace, there.namespace, address, [4000] * 3)[-2:] == [4000] * 2
        only_esp(cluster, tap, at_least=6)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_pod_learns_the_paths_mtu(cluster: Cluster, family: int) -> None:
    size = 1500 - HEADER[family] - ICMP_HEADER
    said = ping_output(cluster, family, "-M", "do", "-c", "2", "-s", str(size))
    assert re.search(rf"mtu[ :=]+{largest_inner(1500, cluster.outer)}\b", said), said


@pytest.mark.parametrize("family", FAMILIES)
def test_the_pod_hears_that_hops_ran_out(cluster: Cluster, family: int) -> None:
    said = ping_output(cluster, family, "-t", "1", "-c", "1")
    assert re.search("time(?: to live)? exceeded", said, re.IGNORECASE), said


def ping_output(cluster: Cluster, family: int, *options: str) -> str:
    """What ping in web-0 says about db-0, which it does not reach."""
    command = ("ping", f"-{family}", "-n", "-W", "1", *options, cluster.b.pod.address(family))
    with pytest.raises(CommandFailed) as failure:
        cluster.a.pod.namespace.run(*command)
    return failure.value.output


def test_scapy_reads_the_wire(cluster: Cluster) -> None:
    """With the key, what lies on the wire is the packet that the pod sent."""
    a, b = cluster.a, cluster.b
    with cluster.net.wire.tap("to-node-b") as tap:
        assert workloads.ping(a.pod, b.pod)
    (request,) = [packet for packet in sealed_packets(tap) if packet.spi == a.outbound.spi]
    inner = esp.parsed(a.outbound.opened(request.frame[14:]))
    assert (inner.src, inner.dst) == (a.pod.v4, b.pod.v4)


def test_a_pod_without_programs_is_not_heard(cluster: Cluster) -> None:
    """Between its start and our attaching there is no window: unstamped, its packets end at the uplink."""
    bare = cluster.net.add_pod(cluster.net.a, "bare-0", 11)
    for family in FAMILIES:
        refused_in_the_clear(cluster, lambda: workloads.ping(bare, cluster.b.pod, family), Reason.UNSTAMPED)


def test_the_host_itself_does_not_reach_pods_elsewhere(cluster: Cluster) -> None:
    host = cluster.net.a.namespace
    for family in FAMILIES:
        command = ("ping", f"-{family}", "-c1", "-W0.5", cluster.b.pod.address(family))
        refused_in_the_clear(cluster, lambda: [1] if host.succeeds(*command) else [], Reason.HOST_UNSUPPORTED)


def refused_in_the_clear(cluster: Cluster, attempt: Callable[[], list], reason: Reason) -> None:
    """No answer, nothing on the wire, and node-a has said why."""
    before = cluster.a.datapath.counters()[reason][0]
    with cluster.net.wire.tap("to-node-b") as tap:
        assert attempt() == []
    only_esp(cluster, tap, at_least=0)
    assert eventually(lambda: cluster.a.datapath.counters()[reason][0] > before)


def only_esp(cluster: Cluster, tap: Tap, at_least: int) -> None:
    """Nothing of the pods in the clear, and as many sealed packets as it takes."""
    assert not [frame.hex() for frame in tap.frames if concerns(frame, cluster.net.protected)][:1]
    assert len(sealed_packets(tap)) >= at_least


def sealed_packets(tap: Tap) -> list[SealedPacket]:
    return [packet for packet in (SealedPacket.parse(frame, esp.PORT) for frame in tap.frames) if packet]


def dropped(datapath: Datapath) -> dict[str, int]:
    """Drops by reason; an answer that teaches a sender the path's MTU is none that counts here."""
    counted = datapath.counters()
    return {reason.name: counted[reason][0] for reason in DROPS if counted[reason][0] and reason != Reason.TOO_BIG}
