"""No protection at all: the two ends of the scale."""

from .path import Path


class Plain(Path):
    """Between namespaces whole 64 KB segments pass the wire and nobody computes a checksum: the upper bound."""

    name = "plain"
    title = "plain"


class PlainWithoutOffloads(Path):
    """Interfaces set as Podshield sets them: packets of the wire's size with checksums, as a real wire has them."""

    name = "plain-no-offloads"
    title = "plain, no offloads"

    def set_up(self) -> None:
        for _, pod in self.machines.ends:
            pod.namespace.run("ethtool", "-K", "eth0", "tx", "off", "tso", "off", "gso", "on")
