"""The wire between the nodes, as an attacker holds it: reads, holds back, changes, repeats and makes up frames."""

import contextlib
from typing import Iterator

from .namespaces import Namespace
from .tap import Tap

BRIDGE = "wire"


class Wire:
    """A bridge in its own namespace; each node is plugged in by one port."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        # The bridge itself stays silent: what is heard on the wire comes from the nodes alone.
        namespace.sysctl(ipv6__conf__default__disable_ipv6=1)
        namespace.ip("link", "add", BRIDGE, "type", "bridge", "mcast_snooping", "0")
        namespace.ip("link", "set", BRIDGE, "up")

    def plug(self, port: str) -> None:
        self.namespace.ip("link", "set", port, "master", BRIDGE)

    def unplug(self, port: str) -> None:
        self.namespace.ip("link", "set", port, "nomaster")

    @contextlib.contextmanager
    def cut(self, port: str) -> Iterator[None]:
        """Nothing passes between this port and the others; both sides can still be read and written."""
        self.unplug(port)
        try:
            yield
        finally:
            self.plug(port)

    def tap(self, port: str) -> Tap:
        """Everything that passes a port, both directions, from now on."""
        return self.namespace.tap(port)

    def send(self, port: str, frame: bytes) -> None:
        """Puts a frame on the wire towards the node at this port."""
        with self.namespace.packet_socket(port) as raw:
            raw.send(frame)
