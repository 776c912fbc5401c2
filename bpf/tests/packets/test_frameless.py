# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""Uplinks without frames: what leaves by them and what comes has no Ethernet header before the packet."""

import itertools
from dataclasses import dataclass
from typing import Iterator

import pytest
from scapy.layers.inet import UDP

from bench import esp, streams
from bench.abi import Reason
from bench.attachment import Way
from bench.cluster import Cluster
from bench.esp import parsed
from bench.expect import eventually
from bench.frameless import FramelessWire
from bench.packets import udp
from harness import workloads
from harness.lifetime import Run
from harness.topology import TwoNodes

FAMILIES = (4, 6)
MEGABYTES = 1
KINDS = list(itertools.product(Way, FAMILIES))


@dataclass(frozen=True)
class Bench:
    cluster: Cluster
    wire: FramelessWire

    def only_esp(self) -> bool:
        """Whether all that has passed since the last look is ESP between the nodes, and something has."""
        packets, self.wire.packets[:] = [parsed(packet) for packet in self.wire.packets], []
        nodes = {self.cluster.a.node.v4, self.cluster.a.node.v6, self.cluster.b.node.v4, self.cluster.b.node.v6}
        # Devices say hello to routers and listeners by themselves.
        spoken = [packet for packet in packets if not packet.dst.startswith("ff02:")]
        return bool(spoken) and all({p.src, p.dst} <= nodes and p[UDP].dport == esp.PORT for p in spoken)


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: f"{kind[0].value}-over-IPv{kind[1]}")
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with Run() as run:
        way, outer = request.param
        net = TwoNodes(run)
        wire = FramelessWire(run, net)
        yield Bench(Cluster(run, way, outer, net), wire)


@pytest.mark.parametrize("family", FAMILIES)
def test_pings_return(bench: Bench, family: int) -> None:
    a, b = bench.cluster.a.pod, bench.cluster.b.pod
    assert len(workloads.ping(a, b, family, count=10)) == 10
    assert len(workloads.ping(b, a, family, count=10)) == 10
    assert bench.only_esp()


@pytest.mark.parametrize("family", FAMILIES)
def test_streams_arrive(bench: Bench, family: int) -> None:
    a, b = bench.cluster.a.pod, bench.cluster.b.pod
    for here, there in ((a, b), (b, a)):
        assert streams.tcp_arrives(here.namespace, there.namespace, there.address(family), MEGABYTES)
    assert bench.only_esp()


def test_a_pod_without_programs_is_not_heard(bench: Bench) -> None:
    cluster = bench.cluster
    bare = cluster.net.add_pod(cluster.net.a, "bare-0", 11)
    for family in FAMILIES:
        before = cluster.a.datapath.counters()[Reason.UNSTAMPED][0]
        assert workloads.ping(bare, cluster.b.pod, family) == []
        assert eventually(lambda: cluster.a.datapath.counters()[Reason.UNSTAMPED][0] > before)
    pod = cluster.b.pod.v4, cluster.b.pod.v6
    assert not [packet for packet in map(parsed, bench.wire.packets) if packet.dst in pod]


def test_cleartext_off_the_wire_is_refused(bench: Bench) -> None:
    """In web-0's name, as anybody on a point-to-point link may write it."""
    cluster = bench.cluster
    before = cluster.b.datapath.counters()[Reason.CLEAR_INBOUND][0]
    bench.wire.inject(cluster.b.node, udp(cluster.a.pod.v4, cluster.b.pod.v4))
    assert eventually(lambda: cluster.b.datapath.counters()[Reason.CLEAR_INBOUND][0] == before + 1)
