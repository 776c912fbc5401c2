"""A complete recording of the wire, and what may never be on it."""

import ipaddress
import re
import struct
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from . import commands
from .lifetime import Run
from .namespaces import Namespace
from .packets import ESP_HEADER, ETHERNET, TYPE_ARP, TYPE_IPV4, TYPE_IPV6, UDP, UDP_HEADER

# Ethernet, an IPv6 header, UDP, SPI and sequence number.
SNAPSHOT = ETHERNET + 40 + UDP_HEADER + ESP_HEADER
BUFFER_KIB = 64 << 10
PCAP_HEADER, RECORD_HEADER = 24, 16
NANOSECONDS_MAGIC = 0xA1B23C4D
DROPPED = re.compile(r"(\d+) packets? dropped by (?:kernel|interface)")


class Capture:
    """tcpdump on a port of the wire, as a context manager."""

    def __init__(self, run: Run, namespace: Namespace, port: str) -> None:
        self._file = run.directory / f"{port}-{time.monotonic_ns()}.pcap"
        self._log = self._file.with_suffix(".out")
        self._run, self._namespace, self._port = run, namespace, port

    def __enter__(self) -> "Capture":
        self._process = self._namespace.spawn(
            "tcpdump", "-i", self._port, "-n", "-s", str(SNAPSHOT), "-B", str(BUFFER_KIB), "-Z", "root",
            "--time-stamp-precision=nano", "-w", str(self._file), log=self._log.open("wb"),
        )
        self._run.at_end(commands.stop, self._process)
        deadline = time.monotonic() + 5
        while b"listening on" not in self._log.read_bytes():
            if time.monotonic() > deadline:
                raise TimeoutError(f"tcpdump does not listen: {self._log.read_text(errors='replace')}")
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        time.sleep(0.2)
        commands.stop(self._process)

    def examine(self, port: int, protected: tuple[str, ...]) -> "Examination":
        """Looks at every packet of an ended recording; `port` is that of sealed ones."""
        missed = sum(int(number) for number in DROPPED.findall(self._log.read_text(errors="replace")))
        return examine(self._file, port, protected, missed)


@dataclass
class Examination:
    """What was found in a recording."""

    packets: int
    sealed: int
    # SAs by receiver and SPI.
    associations: int
    # (receiver, SPI, sequence number) more than once.
    repeats: list[tuple[str, int, int]]
    # Frames with an address of a pod outside of what is sealed.
    clear: int
    # Frames that the recording has missed.
    missed: int


@dataclass(frozen=True)
class Layout:
    """Of a frame with an IP header without options: where in it what is."""

    protocol: int
    receiver: slice
    udp: int

    def is_udp_to(self, data: bytes, frame: int, port: int) -> bool:
        at = frame + self.udp + 2
        return data[frame + self.protocol] == UDP and data[at : at + 2] == port.to_bytes(2, "big")


OUTER = {
    TYPE_IPV4: Layout(protocol=ETHERNET + 9, receiver=slice(ETHERNET + 16, ETHERNET + 20), udp=ETHERNET + 20),
    TYPE_IPV6: Layout(protocol=ETHERNET + 6, receiver=slice(ETHERNET + 24, ETHERNET + 40), udp=ETHERNET + 40),
}


class _Numbers:
    """Which sequence numbers of one SA were seen: they come in nearly without holes."""

    def __init__(self) -> None:
        self.seen = bytearray(1 << 12)

    def add(self, number: int) -> bool:
        """Whether it is new."""
        if number >= len(self.seen):
            self.seen.extend(bytes(max(len(self.seen), number + 1 - len(self.seen))))
        is_new = not self.seen[number]
        self.seen[number] = 1
        return is_new


def examine(file: Path, port: int, protected: tuple[str, ...], missed: int) -> Examination:
    data = file.read_bytes()
    if struct.unpack_from("<I", data)[0] != NANOSECONDS_MAGIC:
        raise ValueError(f"{file.name} is no recording of this machine")
    networks = [ipaddress.ip_network(prefix) for prefix in protected]
    ours: dict[bytes, bool] = {}
    numbers: dict[tuple[bytes, int], _Numbers] = {}
    found = Counter()
    repeats = []
    at = PCAP_HEADER
    while at + RECORD_HEADER <= len(data):
        (length,) = struct.unpack_from("<I", data, at + 8)
        frame = at + RECORD_HEADER
        at = frame + length
        found["packets"] += 1
        (kind,) = struct.unpack_from("!H", data, frame + 12)
        layout = OUTER.get(kind)
        if layout is not None and layout.is_udp_to(data, frame, port):
            found["sealed"] += 1
            receiver = data[frame + layout.receiver.start : frame + layout.receiver.stop]
            spi, sequence = struct.unpack_from("!II", data, frame + layout.udp + UDP_HEADER)
            if not numbers.setdefault((receiver, spi), _Numbers()).add(sequence):
                repeats.append((str(ipaddress.ip_address(receiver)), spi, sequence))
            continue
        for end in _ends(data, frame, kind):
            if end not in ours:
                address = ipaddress.ip_address(end)
                ours[end] = any(address in network for network in networks if network.version == address.version)
            if ours[end]:
                found["clear"] += 1
                break
    return Examination(
        found["packets"], found["sealed"], len(numbers), repeats, found["clear"], missed,
    )


def _ends(data: bytes, frame: int, kind: int) -> tuple[bytes, ...]:
    """Addresses by which a frame names who speaks to whom."""
    if kind == TYPE_IPV4:
        return data[frame + 26 : frame + 30], data[frame + 30 : frame + 34]
    if kind == TYPE_ARP:
        return data[frame + 28 : frame + 32], data[frame + 38 : frame + 42]
    if kind == TYPE_IPV6:
        return data[frame + 22 : frame + 38], data[frame + 38 : frame + 54]
    return ()
