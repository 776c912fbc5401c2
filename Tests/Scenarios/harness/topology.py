"""Two nodes with pods, and the wire between them.

```
    web-0 ── node-a ──┐ to-node-a      to-node-b ┌── node-b ── db-0
                      └──────── wire ────────────┘
                         (the eavesdropper)
```

Nodes route; the wire is a bridge in a namespace of its own, where every frame can be read, held back and made up.
"""

import ipaddress
from dataclasses import dataclass, field
from typing import Optional

from .lifetime import Run
from .namespaces import Namespace, join
from .wire import Wire

NODE_PREFIXES = (24, 64)
POD_GATEWAY_V6 = "fe80::1"


@dataclass(frozen=True)
class Pod:
    """A namespace with one interface, `eth0`; `host_interface` is its other end on the node."""

    name: str
    namespace: Namespace
    host_interface: str
    v4: str
    v6: str

    def address(self, family: int) -> str:
        return self.v4 if family == 4 else self.v6


@dataclass
class Node:
    """A machine: `uplink` towards the wire, one prefix of pod addresses for each family. It is reached at `address`, of that
    version of IP; the other it need not have."""

    name: str
    index: int
    namespace: Namespace
    pods: dict[str, Pod] = field(default_factory=dict)
    uplink: str = "uplink"
    underlay: int = 4

    @property
    def address(self) -> str:
        return self.v4 if self.underlay == 4 else self.v6

    @property
    def v4(self) -> str:
        return f"192.0.2.{10 + self.index}"

    @property
    def v6(self) -> str:
        return f"2001:db8:0:1::{10 + self.index}"

    @property
    def pod_prefix_v4(self) -> str:
        return f"10.42.{self.index}.0/24"

    @property
    def pod_prefix_v6(self) -> str:
        return f"fd42:0:0:{self.index}::/64"


class TwoNodes:
    """The topology above, routed in the clear: what a cluster looks like before Podshield.

    Several may live in one run, told apart by the `prefix` of their namespaces' names. With an `underlay` of 6 nodes have no IPv4
    address; their pods have.
    """

    # Prefixes that hold all pods of both nodes, and no node.
    protected = ("10.42.0.0/16", "fd42::/48")

    def __init__(self, run: Run, prefix: str = "", underlay: int = 4) -> None:
        self._run = run
        self._underlay = underlay
        self._prefix = prefix
        self.wire = Wire(Namespace(run, f"{prefix}wire"))
        self.a = self.add_node("node-a", 1)
        self.b = self.add_node("node-b", 2)
        self.route(self.a, self.b)
        self.route(self.b, self.a)

    def add_pod(self, node: Node, name: str, number: int, process: Optional[int] = None) -> Pod:
        """A pod with the `number`th address of its node's prefixes, reachable from everywhere; in a namespace of its own, or in that
        of a process."""
        pod = Pod(
            name=name, namespace=Namespace(self._run, f"{self._prefix}{name}", of=process), host_interface=f"pod-{name}"[:15],
            v4=str(ipaddress.ip_network(node.pod_prefix_v4)[number]),
            v6=str(ipaddress.ip_network(node.pod_prefix_v6)[number]),
        )
        node.namespace.ip(
            "link", "add", pod.host_interface, "type", "veth", "peer", "name", "eth0", "netns",
            pod.namespace.full_name,
        )
        gateway = str(ipaddress.ip_network(node.pod_prefix_v4)[1])
        pod.namespace.sysctl(ipv6__conf__eth0__accept_ra=0)
        node.namespace.batch(
            f"address add {gateway}/32 dev {pod.host_interface}",
            f"address add {POD_GATEWAY_V6}/64 dev {pod.host_interface} nodad",
            f"link set {pod.host_interface} up",
            f"route add {pod.v4}/32 dev {pod.host_interface}",
            f"route add {pod.v6}/128 dev {pod.host_interface}",
        )
        pod.namespace.batch(
            f"address add {pod.v4}/32 dev eth0",
            f"address add {pod.v6}/128 dev eth0 nodad",
            "link set eth0 up",
            f"route add {gateway}/32 dev eth0",
            f"route add default via {gateway} dev eth0",
            f"route add default via {POD_GATEWAY_V6} dev eth0",
        )
        node.pods[name] = pod
        return pod

    def remove_interface(self, node: Node, pod: Pod) -> None:
        """Takes a pod off its node, as when it ends; its addresses are free."""
        node.namespace.ip("link", "delete", pod.host_interface)
        del node.pods[pod.name]

    def add_node(self, name: str, index: int) -> Node:
        """A machine on the wire. No other has routes to its pods, until `route`."""
        node = Node(name, index, Namespace(self._run, f"{self._prefix}{name}"), underlay=self._underlay)
        join(self.wire.namespace, f"to-{name}", node.namespace, node.uplink)
        self.wire.plug(f"to-{name}")
        v4_length, v6_length = NODE_PREFIXES
        if self._underlay == 4:
            node.namespace.ip("address", "add", f"{node.v4}/{v4_length}", "dev", node.uplink)
        node.namespace.ip("address", "add", f"{node.v6}/{v6_length}", "dev", node.uplink, "nodad")
        node.namespace.sysctl(ipv4__ip_forward=1, ipv6__conf__all__forwarding=1)
        return node

    def route(self, here: Node, there: Node) -> None:
        """Tells a node how pods of another are reached."""
        here.namespace.batch(
            f"route add {there.pod_prefix_v4} via {'inet' if there.underlay == 4 else 'inet6'} {there.address}",
            f"route add {there.pod_prefix_v6} via {there.v6}",
        )
