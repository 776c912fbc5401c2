# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""The other end of an SA: scapy's ESP, and sealing by hand for what no honest sender would seal."""

import hashlib
import ipaddress
import socket
import struct
from dataclasses import dataclass
from typing import Iterable, Iterator, Optional

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import Packet
from scapy.utils import checksum

ALGORITHM = "CHACHA20-POLY1305"
PORT = 4500
SENDER_PORT = 50000
UDP_HEADER, ESP_HEADER, IV, ICV = 8, 8, 8, 16
NEXT_IPV4, NEXT_IPV6 = 4, 41


def parsed(packet: bytes) -> Packet:
    """An IP packet of either version."""
    return IPv6(packet) if packet[0] >> 4 == 6 else IP(packet)


def ip_header(source: str, destination: str, **fields: int) -> Packet:
    """An IP header of the addresses' version."""
    kind = IPv6 if ipaddress.ip_address(source).version == 6 else IP
    return kind(src=source, dst=destination, **fields)


@dataclass(frozen=True)
class SA:
    """One direction of one identity's traffic: what both ends know."""

    spi: int
    key: bytes
    salt: bytes

    @classmethod
    def of(cls, spi: int) -> "SA":
        """An SA whose key is fixed by its SPI."""
        material = hashlib.shake_128(spi.to_bytes(4, "big")).digest(36)
        return cls(spi, material[:32], material[32:])

    def sealed(
        self, inner: bytes, sequence: int, source: str, destination: str, iv: Optional[bytes] = None,
        sport: int = SENDER_PORT, **outer: int,
    ) -> bytes:
        """The packet that scapy makes of an inner one; outer header fields as given."""
        association = SecurityAssociation(
            ESP, spi=self.spi, crypt_algo=ALGORITHM, crypt_key=self.key + self.salt,
            tunnel_header=ip_header(source, destination, **outer), nat_t_header=UDP(sport=sport, dport=PORT),
        )
        iv = sequence.to_bytes(8, "big") if iv is None else iv
        packet = association.encrypt(parsed(inner), seq_num=sequence, iv=iv)
        if packet.version == 6:
            del packet[UDP].chksum
        return bytes(packet)

    def opened(self, outer: bytes) -> bytes:
        """The inner packet by scapy, which checks SPI and tag."""
        packet = parsed(outer)
        association = SecurityAssociation(
            ESP, spi=self.spi, crypt_algo=ALGORITHM, crypt_key=self.key + self.salt, tunnel_header=type(packet)(),
            nat_t_header=UDP(),
        )
        return bytes(association.decrypt(packet))

    def plaintext(self, outer: bytes) -> bytes:
        """All that was sealed: inner packet, padding, pad length, next header."""
        esp = esp_of(outer)
        return ChaCha20Poly1305(self.key).decrypt(self.salt + esp[8:16], esp[16:], esp[:8])

    def sealed_by_hand(self, plaintext: bytes, sequence: int, source: str, destination: str, **outer: int) -> bytes:
        """A packet with a right tag over anything at all."""
        return enveloped(self.esp_by_hand(plaintext, sequence), source, destination, **outer)

    def esp_by_hand(self, plaintext: bytes, sequence: int) -> bytes:
        """The same from the SPI on."""
        associated, iv = struct.pack("!II", self.spi, sequence), struct.pack("!Q", sequence)
        return associated + iv + ChaCha20Poly1305(self.key).encrypt(self.salt + iv, plaintext, associated)

    def sealed_many(self, inner: bytes, sequences: Iterable[int], source: str, destination: str) -> Iterator[bytes]:
        """One packet again and again: of what is around ESP, only IPv6's checksum depends on it. Quicker than scapy."""
        first = enveloped(self.esp_by_hand(padded(inner), 0), source, destination)
        head = first[: len(first) - len(esp_of(first))]
        for sequence in sequences:
            packet = head + self.esp_by_hand(padded(inner), sequence)
            yield packet if packet[0] >> 4 == 4 else _summed_anew(packet)


def enveloped(datagram: bytes, source: str, destination: str, dport: int = PORT, **outer: int) -> bytes:
    """A UDP datagram to the ESP port, with the checksum that its family wants: none over IPv4."""
    header = ip_header(source, destination, **outer)
    udp = UDP(sport=SENDER_PORT, dport=dport, **({"chksum": 0} if header.version == 4 else {}))
    return bytes(header / udp / datagram)


def _summed_anew(packet: bytes) -> bytes:
    """A UDP datagram over IPv6 with the checksum that it should have (RFC 8200 8.1)."""
    header = 40
    datagram = packet[header : header + 6] + bytes(2) + packet[header + UDP_HEADER :]
    pseudo = packet[8:header] + struct.pack("!II", len(datagram), socket.IPPROTO_UDP)
    return packet[: header + 6] + struct.pack("!H", checksum(pseudo + datagram) or 0xFFFF) + packet[header + UDP_HEADER :]


def esp_of(outer: bytes) -> bytes:
    """The datagram's ESP packet, from the SPI on."""
    packet = parsed(outer)
    return bytes(packet[UDP].payload)


def padded(inner: bytes) -> bytes:
    """An inner packet with the padding and trailer of RFC 4303: to 4 bytes, counting up from 1."""
    count = -(len(inner) + 2) % 4
    version = inner[0] >> 4 if inner else 4
    return inner + bytes(range(1, count + 1)) + bytes([count, NEXT_IPV6 if version == 6 else NEXT_IPV4])
