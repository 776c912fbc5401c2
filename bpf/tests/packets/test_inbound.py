# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""Which SA opens, between which endpoints, and until when."""

import pytest

from bench.abi import Constant, Hook, Reason
from bench.arrivals import arriving, opened, refused, refused_before_the_tag, sealed
from bench.datapath import Verdict, now
from bench.esp import SA
from bench.expect import dropped, passed
from bench.machine import SPARE_V4, SPARE_V6
from bench.node import PEERS, REMOTE_WEB, WEB_ADDRESS, WORLD, Node
from bench.packets import forwarded


FAMILIES = (4, 6)


@pytest.mark.parametrize("outer", FAMILIES)
@pytest.mark.parametrize("spi", (1, 5, 255, 256, 0x3005, 0x2005 + 64, 0x2005 - 64, 0x80002005, 0xFFFFFFFF))
def test_unknown_spis_end(node: Node, outer: int, spi: int) -> None:
    """Also those of the same slot, of another generation, and the reserved ones."""
    peer = PEERS[outer]
    packet = SA.of(spi).sealed(arriving(peer, 4), 1, peer.remote, peer.local)
    refused(node, packet, Reason.UNKNOWN_SPI)


@pytest.mark.parametrize("outer", FAMILIES)
def test_an_spi_that_was_unpublished_ends(node: Node, outer: int) -> None:
    peer = PEERS[outer]
    node.datapath.unpublish(peer.inbound)
    refused(node, sealed(peer, arriving(peer, 4)), Reason.UNKNOWN_SPI)


@pytest.mark.parametrize("outer", FAMILIES)
def test_an_sa_is_between_two_endpoints(node: Node, outer: int) -> None:
    peer, packet = PEERS[outer], arriving(PEERS[outer], 4)
    stranger = {4: "192.0.2.66", 6: "2001:db8:0:1::66"}[outer]
    refused_before_the_tag(node, peer, peer.inbound.sealed(packet, 1, stranger, peer.local), Reason.UNKNOWN_SPI)
    opened(node, sealed(peer, packet))


def test_another_peers_address_is_a_stranger_too(node: Node) -> None:
    peer = PEERS[4]
    node.datapath.add_peer(9, peer.local, "192.0.2.19")
    packet = peer.inbound.sealed(arriving(peer, 4), 1, "192.0.2.19", peer.local)
    refused_before_the_tag(node, peer, packet, Reason.UNKNOWN_SPI)


@pytest.mark.parametrize("outer", FAMILIES)
def test_a_peer_that_is_gone_cannot_be_heard(node: Node, outer: int) -> None:
    peer = PEERS[outer]
    node.datapath.remove_peer(peer.number)
    result = node.from_uplink(sealed(peer, arriving(peer, 4)))
    assert result.verdict == Verdict.DROP and Reason.OPENED not in result.reasons


@pytest.mark.parametrize("outer", FAMILIES)
def test_an_sa_ends_at_its_deadline(node: Node, outer: int) -> None:
    peer, packet = PEERS[outer], arriving(PEERS[outer], 4)
    node.datapath.add_inbound(peer.inbound, peer.number, REMOTE_WEB, deadline_ns=now() - 1)
    refused_before_the_tag(node, peer, sealed(peer, packet), Reason.SA_EXPIRED)
    node.datapath.add_inbound(peer.inbound, peer.number, REMOTE_WEB, deadline_ns=0)
    refused(node, sealed(peer, packet), Reason.SA_EXPIRED)


@pytest.mark.parametrize("outer", FAMILIES)
def test_a_slot_that_disagrees_is_not_used(node: Node, outer: int) -> None:
    peer, packet = PEERS[outer], arriving(PEERS[outer], 4)
    another = {"spi": peer.inbound.spi + node.datapath.slots}
    node.datapath.add_inbound(peer.inbound, peer.number, REMOTE_WEB, record=another)
    refused(node, sealed(peer, packet), Reason.BAD_SLOT)


@pytest.mark.parametrize("outer", FAMILIES)
@pytest.mark.parametrize("suite", (0, 2, 255))
def test_a_slot_of_an_unknown_suite_is_not_used(node: Node, outer: int, suite: int) -> None:
    peer = PEERS[outer]
    node.datapath.add_inbound(peer.inbound, peer.number, REMOTE_WEB, record={"suite": suite})
    result = node.from_uplink(sealed(peer, arriving(peer, 4)))
    assert result.verdict == Verdict.DROP and result.reasons <= {Reason.BAD_SLOT, Reason.UNSUPPORTED}


@pytest.mark.parametrize("outer", FAMILIES)
def test_the_smallest_spi_that_may_be_allotted(node: Node, outer: int) -> None:
    peer, sa = PEERS[outer], SA.of(Constant.SPI_MIN)
    node.datapath.add_inbound(sa, peer.number, REMOTE_WEB)
    packet = arriving(peer, 4)
    assert opened(node, sa.sealed(packet, 1, peer.remote, peer.local)) == forwarded(packet)


@pytest.mark.parametrize("outer", FAMILIES)
def test_an_sa_is_for_the_address_that_was_agreed(node: Node, outer: int) -> None:
    """To another address of this host: the peer's `local` is the one."""
    peer = PEERS[outer]
    packet = peer.inbound.sealed(arriving(peer, 4), 1, peer.remote, {4: SPARE_V4, 6: SPARE_V6}[outer])
    refused_before_the_tag(node, peer, packet, Reason.UNKNOWN_SPI)


def test_what_is_on_its_way_through_is_not_ours(node: Node) -> None:
    """ESP to a machine behind this one, by chance under an SPI of ours."""
    peer = PEERS[4]
    packet = peer.inbound.sealed(arriving(peer, 4), 1, "203.0.113.5", WORLD[4])
    passed(node.from_uplink(packet), Reason.NOT_OURS)


@pytest.mark.parametrize("outer", FAMILIES)
def test_a_pod_that_is_gone_hears_nothing(node: Node, outer: int) -> None:
    """Its addresses are still there, its device is not."""
    node.datapath.remove_pod(node.devices.web.index)
    refused(node, sealed(PEERS[outer], arriving(PEERS[outer], 4)), Reason.NOT_LOCAL)


@pytest.mark.parametrize("outer", FAMILIES)
def test_a_pod_without_identity_hears_nothing(node: Node, outer: int) -> None:
    """Its number is gone, or not there yet: nobody may speak to what nobody knows."""
    web = node.devices.web
    node.datapath.add_pod(web.index, web.far_mac, 0, *WEB_ADDRESS.values())
    refused(node, sealed(PEERS[outer], arriving(PEERS[outer], 4)), Reason.NO_IDENTITY)


def test_joined_datagrams_are_not_opened(node: Node) -> None:
    """What a device has merged (GRO of UDP) is several packets, each with a tag of its own."""
    peer = PEERS[4]
    result = node.from_uplink(sealed(peer, arriving(peer, 4)), gso_segs=2, gso_size=100)
    dropped(result, Reason.GSO, Hook.FROM_UPLINK)
    assert node.datapath.window(peer.inbound)[0] == 0


@pytest.mark.parametrize("outer", FAMILIES)
@pytest.mark.parametrize("spi", (1, 63, 255))
def test_reserved_spis_are_not_used(node: Node, outer: int, spi: int) -> None:
    """RFC 4303 2.1: not even where somebody has published one."""
    peer, sa = PEERS[outer], SA.of(spi)
    node.datapath.add_inbound(sa, peer.number, REMOTE_WEB)
    refused(node, sa.sealed(arriving(peer, 4), 1, peer.remote, peer.local), Reason.UNKNOWN_SPI)
