# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""Thousands of broken frames at each hook. What becomes of each is not said; what must never become of any is."""

import ipaddress
import random
from typing import Optional

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment

from bench.abi import Hook, Reason, Stamp
from bench.datapath import Result, Verdict
from bench.esp import esp_of, padded, parsed
from bench.machine import GATEWAY_V4, GATEWAY_V6
from bench.mutation import mutations
from bench.neighbours import advertisement, arp, solicitation
from bench.node import (
    DB_ADDRESS, NODE_ADDRESS, PEERS, PROTECTED, UNKNOWN, WEB_ADDRESS, WORLD, Node, framed, marked,
)
from bench.packets import tcp, udp

COUNT = 4000
SEEDS = (1, 2)
OWN = set(WEB_ADDRESS.values())
HERE = {*OWN, *DB_ADDRESS.values()}
HOST = {*NODE_ADDRESS.values(), GATEWAY_V4}
REMOTE = {PEERS[outer].pod(inner) for outer in (4, 6) for inner in (4, 6)}
NETWORKS = [ipaddress.ip_network(prefix) for prefix in PROTECTED]


def ends(frame: bytes) -> Optional[tuple[str, str]]:
    """Source and destination of the frame's IP packet, by its Ethernet type alone."""
    kind, packet = frame[12:14], frame[14:]
    if kind == b"\x08\x00":
        return str(ipaddress.IPv4Address(packet[12:16])), str(ipaddress.IPv4Address(packet[16:20]))
    if kind == b"\x86\xdd":
        return str(ipaddress.IPv6Address(packet[8:24])), str(ipaddress.IPv6Address(packet[24:40]))
    return None


def is_protected(address: str) -> bool:
    found = ipaddress.ip_address(address)
    return any(found in network for network in NETWORKS if network.version == found.version)


def from_web(node: Node) -> list[bytes]:
    """What pods send, of every kind."""
    packets = []
    for family in (4, 6):
        source = WEB_ADDRESS[family]
        remote = PEERS[4].pod(family), PEERS[6].pod(family)
        for destination in (*remote, DB_ADDRESS[family], WORLD[family], UNKNOWN[family]):
            packets += [udp(source, destination), tcp(source, destination, "S", mss=1460)]
    to = {"src": WEB_ADDRESS[6], "dst": PEERS[4].pod_v6}
    packets += [
        bytes(IP(src=WEB_ADDRESS[4], dst=PEERS[4].pod_v4) / ICMP() / bytes(40)),
        bytes(IPv6(**to) / ICMPv6EchoRequest(data=bytes(40))),
        bytes(IPv6(**to) / IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt() / UDP() / bytes(40)),
        bytes(IPv6(**to) / IPv6ExtHdrFragment(m=1) / UDP() / bytes(40)),
    ]
    messages = [
        solicitation(node, WEB_ADDRESS[6], GATEWAY_V6), advertisement(node, WEB_ADDRESS[6], WEB_ADDRESS[6]),
        arp(node, 1, WEB_ADDRESS[4], GATEWAY_V4),
    ]
    web = node.devices.web
    return [framed(packet, web.far_mac, web.mac) for packet in packets] + [bytes(message) for message in messages]


@pytest.mark.parametrize("seed", SEEDS)
def test_from_pod(node: Node, seed: int) -> None:
    web = node.devices.web
    for frame in mutations(from_web(node), COUNT, seed):
        result = node.datapath.run(Hook.FROM_POD, frame, web.index, ingress_ifindex=web.index)
        assert len(result.reasons) == 1, frame.hex()
        if Reason.SEALED in result.reasons:
            check_sealed(frame, result)
        elif result.verdict == Verdict.REDIRECT:
            assert result.reasons <= {Reason.TOO_BIG, Reason.HOP_LIMIT} and ends(result.frame)[1] in OWN, frame.hex()
        elif result.verdict == Verdict.PASS and Reason.NEIGHBOUR not in result.reasons:
            source, destination = ends(frame)
            assert source in OWN and result.stamp == Stamp.POD, frame.hex()
            assert not is_protected(destination) or destination in HERE | HOST, frame.hex()


def check_sealed(frame: bytes, result: Result) -> None:
    """What leaves is from the pod, to a pod that its SA is for, and a whole packet with nothing behind it."""
    outer = parsed(result.packet)
    peer = next(peer for peer in PEERS.values() if peer.remote == outer.dst)
    plaintext = peer.outbound.plaintext(result.packet)
    inner = plaintext[: -2 - plaintext[-2]]
    assert padded(inner) == plaintext, frame.hex()
    source, destination = ends(bytes(12) + frame[12:14] + inner)
    assert source in OWN and destination in {peer.pod_v4, peer.pod_v6}, frame.hex()
    assert (source, destination) == ends(frame), frame.hex()


@pytest.mark.parametrize("seed", SEEDS)
def test_from_uplink(node: Node, seed: int) -> None:
    uplink, originals = node.devices.uplink, []
    for outer in (4, 6):
        peer = PEERS[outer]
        for sequence in range(1, 200):
            family = 4 if sequence % 2 else 6
            packet = udp(peer.pod(family), WEB_ADDRESS[family], sequence)
            sealed = peer.inbound.sealed(packet, sequence, peer.remote, peer.local)
            originals.append(framed(sealed, node.devices.uplink.far_mac, uplink.mac))
    genuine = {esp_of(frame[14:]) for frame in originals}
    cleartext = [udp(PEERS[4].pod(family), WEB_ADDRESS[family]) for family in (4, 6)]
    originals += 50 * [framed(packet, uplink.far_mac, uplink.mac) for packet in cleartext]
    opened = set()
    for frame in mutations(originals, COUNT, seed):
        result = node.datapath.run(Hook.FROM_UPLINK, frame, uplink.index, marked(Stamp.OPENED), uplink.index)
        if Reason.OPENED in result.reasons:
            esp = next((esp for esp in genuine if esp in frame), None)
            assert esp is not None and esp not in opened, frame.hex()
            opened.add(esp)
            assert ends(result.frame)[0] in REMOTE and ends(result.frame)[1] in OWN, frame.hex()
        else:
            assert result.verdict != Verdict.REDIRECT and result.stamp == Stamp.NONE, frame.hex()
            if result.verdict == Verdict.PASS and ends(frame):
                assert not is_protected(ends(frame)[0]), frame.hex()
    assert opened, "some edits do no harm: of the outer TTL, of what lies behind the packet"


@pytest.mark.parametrize("seed", SEEDS)
def test_to_uplink(node: Node, seed: int) -> None:
    uplink, rng = node.devices.uplink, random.Random(seed)
    for frame in mutations(from_web(node), COUNT, seed):
        stamp, ingress = rng.choice(list(Stamp)), rng.choice((0, node.devices.web.index, uplink.index))
        result = node.datapath.run(Hook.TO_UPLINK, frame, uplink.index, marked(stamp), ingress)
        if Reason.SEALED in result.reasons:
            assert stamp == Stamp.POD, frame.hex()
            check_sealed(frame, result)
        elif result.verdict != Verdict.DROP and ends(frame):
            assert not is_protected(ends(frame)[1]), frame.hex()


@pytest.mark.parametrize("seed", SEEDS)
def test_to_pod(node: Node, seed: int) -> None:
    web, db, rng = node.devices.web, node.devices.db, random.Random(seed)
    sources = DB_ADDRESS, UNKNOWN, WORLD, NODE_ADDRESS
    packets = [udp(source[family], WEB_ADDRESS[family]) for family in (4, 6) for source in sources]
    originals = [framed(packet, web.mac, web.far_mac) for packet in packets]
    for frame in mutations(originals, COUNT, seed):
        stamp = rng.choice((Stamp.NONE, Stamp.POD, Stamp.SEALED))
        ingress = rng.choice((db.index, node.devices.uplink.index))
        result = node.datapath.run(Hook.TO_POD, frame, web.index, marked(stamp), ingress)
        assert result.verdict != Verdict.REDIRECT, frame.hex()
        if result.verdict == Verdict.PASS and ends(frame):
            source = ends(frame)[0]
            assert source in HERE if stamp == Stamp.POD else not is_protected(source), frame.hex()
