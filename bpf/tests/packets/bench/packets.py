# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""Inner packets, and what becomes of them on the way."""

import random
from typing import Optional

from scapy.layers.inet import IP, TCP, UDP
from scapy.packet import Packet

from .esp import ip_header, parsed

HEADER = {4: 20, 6: 40}
UDP_HEADER = 8


def body(length: int) -> bytes:
    """Bytes that differ by length and place, the same in every run."""
    return random.Random(length).randbytes(length)


def udp(source: str, destination: str, length: int = 64, sport: int = 4000, dport: int = 5000, **header: int) -> bytes:
    """A datagram with `length` bytes of payload. Header fields by scapy's names."""
    return bytes(ip_header(source, destination, **header) / UDP(sport=sport, dport=dport) / body(length))


def udp_of_size(source: str, destination: str, size: int, **header: int) -> bytes:
    """A datagram whose IP packet has `size` bytes."""
    family = 6 if ":" in source else 4
    return udp(source, destination, size - HEADER[family] - UDP_HEADER, **header)


def tcp(source: str, destination: str, flags: str, mss: Optional[int] = None, length: int = 0, **header: int) -> bytes:
    """A segment, with an MSS option between others when one is given."""
    options = [("NOP", None), ("NOP", None), ("Timestamp", (1, 2))]
    if mss is not None:
        options = [("NOP", None), ("MSS", mss), ("SAckOK", b""), ("WScale", 7)]
    segment = TCP(sport=4000, dport=5000, seq=7, flags=flags, options=options)
    return bytes(ip_header(source, destination, **header) / segment / body(length))


def with_class(packet: bytes, traffic_class: int) -> bytes:
    """The same packet with another DSCP and ECN."""
    changed = parsed(packet)
    setattr(changed, "tos" if changed.version == 4 else "tc", traffic_class)
    return rebuilt(changed)


def traffic_class(packet: bytes) -> int:
    found = parsed(packet)
    return found.tos if found.version == 4 else found.tc


def forwarded(packet: bytes, hops: int = 1) -> bytes:
    """The same packet some hops later."""
    changed = parsed(packet)
    if changed.version == 4:
        changed.ttl -= hops
    else:
        changed.hlim -= hops
    return rebuilt(changed)


def rebuilt(packet: Packet) -> bytes:
    """A packet's bytes with its IPv4 header checksum made anew; everything else as it is."""
    if packet.version == 4:
        del packet.chksum
    return bytes(packet)


def checksums_hold(packet: bytes) -> bool:
    """Whether IP and transport checksums are what they should be."""
    again = parsed(packet)
    for layer in (IP, TCP, UDP):
        if layer in again:
            del again[layer].chksum
    return bytes(again) == packet


def largest_inner(mtu: int, outer: int) -> int:
    """What an outer packet of `mtu` bytes can carry: less headers, IV, tag, padding to 4 and the trailer of 2."""
    return ((mtu - (20 if outer == 4 else 40) - 8 - 8 - 8 - 16) & ~3) - 2
