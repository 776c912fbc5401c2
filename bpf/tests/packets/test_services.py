# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""Services: the host's stack turns a service's address into a pod's, and has to see the answers to turn them back."""

import itertools
from dataclasses import dataclass, replace

import pytest

from bench.abi import Hook, Reason, Stamp
from bench.datapath import Verdict
from bench.esp import parsed
from bench.expect import dropped, passed, redirected
from bench.node import DB_ADDRESS, OTHER, PEERS, WEB_ADDRESS, WORLD, Node, marked
from bench.packets import rebuilt, udp

FAMILIES = (4, 6)
COMBINATIONS = list(itertools.product(FAMILIES, FAMILIES))
SERVICE = {4: "10.96.0.10", 6: "fd96::10"}
SERVICE_PORT, BACKEND_PORT = 53, 5353


@dataclass(frozen=True)
class Flow:
    """A pod's end and the other's."""

    pod: str
    other: str
    pod_port: int = 4000
    other_port: int = BACKEND_PORT

    @property
    def question(self) -> bytes:
        return udp(self.pod, self.other, sport=self.pod_port, dport=self.other_port)

    @property
    def answer(self) -> bytes:
        return udp(self.other, self.pod, sport=self.other_port, dport=self.pod_port)


def ask_a_service(node: Node, family: int, backend: str) -> Flow:
    """web asks the service; the stack makes it a question to the backend, which leaves by the uplink."""
    to_service = Flow(WEB_ADDRESS[family], SERVICE[family], other_port=SERVICE_PORT)
    passed(node.from_pod(to_service.question), Reason.WORLD)
    to_backend = Flow(WEB_ADDRESS[family], backend)
    redirected(node.to_uplink(to_backend.question, Stamp.POD, node.devices.web), Reason.SEALED)
    return to_backend


@pytest.mark.parametrize("inner, outer", COMBINATIONS)
def test_an_answer_takes_the_way_of_its_question(node: Node, inner: int, outer: int) -> None:
    """Opened, it goes up the stack as it is: the hop is counted there."""
    peer = PEERS[outer]
    answer = ask_a_service(node, inner, peer.pod(inner)).answer
    result = node.from_uplink(peer.inbound.sealed(answer, 1, peer.remote, peer.local))
    passed(result, Reason.OPENED)
    assert (result.packet, result.mark) == (answer, marked(Stamp.OPENED))
    assert result.frame[:6].hex(":") == node.devices.uplink.mac


@pytest.mark.parametrize("family", FAMILIES)
def test_other_packets_of_that_pod_do_not(node: Node, family: int) -> None:
    peer = PEERS[4]
    flow = ask_a_service(node, family, peer.pod(family))
    others = (replace(flow, pod_port=4001), replace(flow, other_port=54), replace(flow, pod=DB_ADDRESS[family]))
    for sequence, other in enumerate(others, start=1):
        packet = peer.inbound.sealed(other.answer, sequence, peer.remote, peer.local)
        redirected(node.from_uplink(packet), Reason.OPENED)


@pytest.mark.parametrize("family", FAMILIES)
def test_nor_does_another_protocol(node: Node, family: int) -> None:
    peer = PEERS[4]
    flow = ask_a_service(node, family, peer.pod(family))
    packet = bytearray(flow.answer)
    packet[9 if family == 4 else 6] = 132
    packet = rebuilt(parsed(bytes(packet)))
    redirected(node.from_uplink(peer.inbound.sealed(packet, 1, peer.remote, peer.local)), Reason.OPENED)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_was_asked_directly_is_answered_directly(node: Node, family: int) -> None:
    peer = PEERS[4]
    flow = Flow(WEB_ADDRESS[family], peer.pod(family))
    redirected(node.from_pod(flow.question), Reason.SEALED)
    redirected(node.from_uplink(peer.inbound.sealed(flow.answer, 1, peer.remote, peer.local)), Reason.OPENED)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_answer_must_be_bound_all_the_same(node: Node, family: int) -> None:
    """The question opens no door: who answers in the backend's name must be the backend."""
    peer = PEERS[4]
    flow = ask_a_service(node, family, peer.pod(family))
    node.datapath.add_inbound(peer.inbound, peer.number, OTHER)
    packet = peer.inbound.sealed(flow.answer, 1, peer.remote, peer.local)
    dropped(node.from_uplink(packet), Reason.UNBOUND_SOURCE, Hook.FROM_UPLINK)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_answer_of_a_pod_here_comes_in_the_services_name(node: Node, family: int) -> None:
    """db is the backend: its answer is stamped as db's, and then the stack writes the service's address into it."""
    to_service = Flow(WEB_ADDRESS[family], SERVICE[family], other_port=SERVICE_PORT)
    passed(node.from_pod(to_service.question), Reason.WORLD)
    result = node.to_pod(to_service.answer, Stamp.POD, node.devices.db)
    assert (result.verdict, result.packet, result.events) == (Verdict.PASS, to_service.answer, [])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_service_that_was_not_asked_does_not_answer(node: Node, family: int) -> None:
    asked = Flow(WEB_ADDRESS[family], SERVICE[family], other_port=SERVICE_PORT)
    passed(node.from_pod(asked.question), Reason.WORLD)
    for other in (replace(asked, other_port=54), replace(asked, pod_port=4001), replace(asked, other=WORLD[family])):
        result = node.to_pod(other.answer, Stamp.POD, node.devices.db)
        dropped(result, Reason.IDENTITY_LOST, Hook.TO_POD)
    result = node.to_pod(replace(asked, pod=DB_ADDRESS[family]).answer, Stamp.POD, node.devices.web, node.devices.db)
    dropped(result, Reason.IDENTITY_LOST, Hook.TO_POD)
