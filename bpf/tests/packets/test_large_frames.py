# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""Packets as large as the programs take, which one run of the cipher must cover. No test run is given those."""

import pytest

from bench import streams
from bench.abi import Constant
from bench.attachment import Way
from bench.cluster import Cluster
from bench.packets import HEADER, largest_inner
from harness import workloads
from harness.lifetime import Run

FAMILIES = (4, 6)
ETHERNET, ICMP_HEADER = 14, 8
MEGABYTES = 4


@pytest.mark.parametrize("outer", FAMILIES)
def test_large_frames(outer: int) -> None:
    mtu = Constant.PACKET_MAX
    with Run() as run:
        cluster = Cluster(run, Way.CLSACT, outer)
        cluster.set_mtu(mtu)
        for family in FAMILIES:
            size = largest_inner(mtu, outer) - HEADER[family] - ICMP_HEADER
            with cluster.net.wire.tap("to-node-b") as tap:
                assert len(workloads.ping(cluster.a.pod, cluster.b.pod, family, size=size)) == 1
            assert mtu - 3 <= max(map(len, tap.frames)) - ETHERNET <= mtu
            address = cluster.b.pod.address(family)
            assert streams.tcp_arrives(cluster.a.pod.namespace, cluster.b.pod.namespace, address, MEGABYTES)
