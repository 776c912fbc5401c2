# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""Packets from a peer's pod to web, sealed as the peer seals them, and what the node makes of them."""

from .abi import Hook, Reason
from .datapath import Result
from .expect import dropped, redirected
from .node import WEB_ADDRESS, FarNode, Node
from .packets import udp


def arriving(peer: FarNode, inner: int, length: int = 64, **header: int) -> bytes:
    """An inner packet from the peer's pod to web."""
    return udp(peer.pod(inner), WEB_ADDRESS[inner], length, **header)


def sealed(peer: FarNode, packet: bytes, sequence: int = 1, **outer: int) -> bytes:
    return peer.inbound.sealed(packet, sequence, peer.remote, peer.local, **outer)


def by_hand(peer: FarNode, plaintext: bytes, sequence: int = 1) -> bytes:
    return peer.inbound.sealed_by_hand(plaintext, sequence, peer.remote, peer.local)


def opened(node: Node, packet: bytes, **frame: bytes) -> bytes:
    """The packet that is delivered."""
    result = node.from_uplink(packet, **frame)
    redirected(result, Reason.OPENED)
    return result.packet


def refused(node: Node, packet: bytes, reason: Reason) -> Result:
    """A packet that ends here."""
    result = node.from_uplink(packet)
    dropped(result, reason, Hook.FROM_UPLINK)
    return result


def refused_before_the_tag(node: Node, peer: FarNode, packet: bytes, reason: Reason) -> None:
    """A packet that ends here and leaves the window as it was."""
    before = node.datapath.window(peer.inbound)
    refused(node, packet, reason)
    assert node.datapath.window(peer.inbound) == before
