"""What the attacker reads in frames and writes into them."""

import ipaddress
import struct
from dataclasses import dataclass
from typing import Optional

ETHERNET = 14
TYPE_IPV4, TYPE_ARP, TYPE_IPV6 = 0x0800, 0x0806, 0x86DD
TCP, UDP, ICMPV6 = 6, 17, 58
UDP_HEADER = 8
ESP_HEADER = 8
NON_ESP_MARKER = 0


@dataclass(frozen=True)
class Headers:
    """Where a frame's IP packet goes, and where its payload begins."""

    source: str
    destination: str
    protocol: int
    payload: int


@dataclass(frozen=True)
class SealedPacket:
    """An ESP packet in UDP (RFC 3948, RFC 4303), inside its frame."""

    frame: bytes
    source: str
    destination: str
    spi: int
    sequence: int
    # Offset of the UDP header; ESP follows it.
    udp: int

    @classmethod
    def parse(cls, frame: bytes, port: int) -> Optional["SealedPacket"]:
        """The sealed packet in a frame, or nothing when it holds something else."""
        headers = parse_headers(frame)
        if headers is None or headers.protocol != UDP or len(frame) < headers.payload + UDP_HEADER + ESP_HEADER:
            return None
        (destination_port,) = struct.unpack_from("!H", frame, headers.payload + 2)
        spi, sequence = struct.unpack_from("!II", frame, headers.payload + UDP_HEADER)
        if destination_port != port or spi == NON_ESP_MARKER:
            return None
        return cls(frame, headers.source, headers.destination, spi, sequence, headers.payload)

    @property
    def esp(self) -> int:
        """Offset of the ESP header in the frame."""
        return self.udp + UDP_HEADER

    def with_flipped_bit(self) -> bytes:
        """The same frame with one bit of the sealed bytes changed, in the middle of them."""
        changed = bytearray(self.frame)
        changed[(self.esp + ESP_HEADER + len(changed)) // 2] ^= 0x01
        return self._consistent(changed)

    def with_spi(self, spi: int) -> bytes:
        """The same frame under another SPI."""
        changed = bytearray(self.frame)
        struct.pack_into("!I", changed, self.esp, spi)
        return self._consistent(changed)

    def with_sequence(self, sequence: int) -> bytes:
        """The same frame under another sequence number."""
        changed = bytearray(self.frame)
        struct.pack_into("!I", changed, self.esp + 4, sequence)
        return self._consistent(changed)

    def _consistent(self, changed: bytearray) -> bytes:
        """What a careful attacker sends: the UDP checksum fits, where there is one. 0 says over IPv4 that there is none."""
        (checksum,) = struct.unpack_from("!H", changed, self.udp + 6)
        if checksum != 0:
            struct.pack_into("!H", changed, self.udp + 6, 0)
            computed = _udp_checksum(self.source, self.destination, bytes(changed[self.udp :]))
            struct.pack_into("!H", changed, self.udp + 6, computed)
        return bytes(changed)


def parse_headers(frame: bytes) -> Optional[Headers]:
    """The outermost IP header of a frame; nothing when it is no IP or cut short. IPv6 without extension headers."""
    if len(frame) < ETHERNET + 20:
        return None
    (ethernet_type,) = struct.unpack_from("!H", frame, 12)
    if ethernet_type == TYPE_IPV4:
        return Headers(
            source=str(ipaddress.IPv4Address(frame[26:30])), destination=str(ipaddress.IPv4Address(frame[30:34])),
            protocol=frame[23], payload=ETHERNET + (frame[14] & 0x0F) * 4,
        )
    if ethernet_type == TYPE_IPV6 and len(frame) >= ETHERNET + 40:
        return Headers(
            source=str(ipaddress.IPv6Address(frame[22:38])), destination=str(ipaddress.IPv6Address(frame[38:54])),
            protocol=frame[20], payload=ETHERNET + 40,
        )
    return None


def concerns(frame: bytes, prefixes: tuple[str, ...]) -> bool:
    """Whether the frame's outer source or destination lies in one of the prefixes."""
    headers = parse_headers(frame)
    if headers is None:
        return False
    ends = [ipaddress.ip_address(headers.source), ipaddress.ip_address(headers.destination)]
    networks = [ipaddress.ip_network(prefix) for prefix in prefixes]
    return any(end in network for end in ends for network in networks if end.version == network.version)


def _udp_checksum(source: str, destination: str, datagram: bytes) -> int:
    """RFC 768 over the pseudo header; never 0, which would say that there is none."""
    ends = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
    summed = ends + struct.pack("!II", len(datagram), UDP) + datagram + b"\0" * (len(datagram) % 2)
    total = sum(struct.unpack(f"!{len(summed) // 2}H", summed))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF) or 0xFFFF
