# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""Two nodes of the scenarios' topology with the programs at their devices: packets travel, keys are fixed."""

import socket
from dataclasses import dataclass
from typing import Optional

from harness.lifetime import Run
from harness.namespaces import Namespace
from harness.topology import Node, Pod, TwoNodes

from .attachment import Attachments, Way
from .datapath import Datapath
from .esp import SA

PEER = 1
WEB, DB = 300, 400
# As the daemon sets them at attach: what leaves a pod's interface is no super-packet and has its checksum.
POD_OFFLOADS = ("tso", "off", "tx", "off", "gso", "on")


@dataclass(frozen=True)
class Side:
    """A node, its pod, and what the node's datapath is told."""

    node: Node
    pod: Pod
    identity: int
    outbound: SA
    inbound: SA
    datapath: Datapath
    attachments: Attachments

    def endpoint(self, outer: int) -> str:
        return self.node.v4 if outer == 4 else self.node.v6


class Cluster:
    """web-0 on node-a, db-0 on node-b, an SA each way over the given outer family."""

    def __init__(self, run: Run, way: Way, outer: int, net: Optional[TwoNodes] = None) -> None:
        self.net, self.outer = net or TwoNodes(run), outer
        web_to_db, db_to_web = SA.of(0x1101), SA.of(0x2202)
        self.a = self._side(run, self.net.a, "web-0", WEB, web_to_db, db_to_web, way)
        self.b = self._side(run, self.net.b, "db-0", DB, db_to_web, web_to_db, way)
        introduce(self.a, self.b, outer)
        introduce(self.b, self.a, outer)

    def set_mtu(self, mtu: int) -> None:
        """Of every device on the way, and of the peers."""
        for here, there in ((self.a, self.b), (self.b, self.a)):
            for name in (here.node.uplink, here.pod.host_interface):
                here.node.namespace.ip("link", "set", name, "mtu", str(mtu))
            here.pod.namespace.ip("link", "set", "eth0", "mtu", str(mtu))
            self.net.wire.namespace.ip("link", "set", f"to-{here.node.name}", "mtu", str(mtu))
            here.datapath.add_peer(PEER, here.endpoint(self.outer), there.endpoint(self.outer), mtu=mtu)

    def _side(self, run: Run, node: Node, pod_name: str, identity: int, outbound: SA, inbound: SA, way: Way) -> Side:
        pod = self.net.add_pod(node, pod_name, 10)
        return side(run, node, pod, identity, outbound, inbound, way, self.net.protected)


def side(
    run: Run, node: Node, pod: Pod, identity: int, outbound: SA, inbound: SA, way: Way, protected: tuple[str, ...]
) -> Side:
    """Loads and attaches the programs on a node with one pod; gone with the run."""
    datapath = Datapath()
    run.at_end(datapath.close)
    attachments = Attachments(datapath, way)
    run.at_end(attachments.close)
    pod.namespace.run("ethtool", "-K", "eth0", *POD_OFFLOADS)
    node.namespace.run("ethtool", "-K", pod.host_interface, "gro", "off")
    pod_index = interface_index(node.namespace, pod.host_interface)
    uplink_index = interface_index(node.namespace, node.uplink)
    datapath.configure()
    datapath.protect(*protected)
    datapath.add_pod(pod_index, pod.namespace.mac("eth0"), identity, pod.v4, pod.v6)
    node.namespace.inside(lambda: (attachments.pod(pod_index), attachments.uplink(uplink_index)))
    return Side(node, pod, identity, outbound, inbound, datapath, attachments)


def introduce(here: Side, there: Side, outer: int) -> None:
    """Tells one node of the other's endpoint, pod and keys."""
    here.datapath.add_peer(PEER, here.endpoint(outer), there.endpoint(outer))
    here.datapath.add_outbound(here.outbound, PEER, here.identity)
    here.datapath.add_inbound(here.inbound, PEER, there.identity)
    for address in (there.pod.v4, there.pod.v6):
        here.datapath.add_remote(address, PEER, there.identity)
        here.datapath.bind(address, PEER, there.identity)


def interface_index(namespace: Namespace, name: str) -> int:
    return namespace.inside(lambda: socket.if_nametoindex(name))
