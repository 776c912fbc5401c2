# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""The programs and their maps: filled by hand in the ABI's terms, run on one packet, and what they say of it."""

import contextlib
import ctypes
import enum
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterator, Optional

from . import abi
from .esp import PORT, SA
from .libbpf import Object, Program, Ring, SKBContext

OBJECT = Path(os.environ.get("PODSHIELD_BPF_OBJECT", abi.ROOT / "build/bpf/podshield.bpf.o"))
ARRAYS = {
    "ps_sa_out": abi.SAOut, "ps_sa_in": abi.SAIn, "ps_in_live": abi.InLive, "ps_in_window": abi.InWindow,
    "ps_sa_usage_in": abi.Usage, "ps_sa_usage_out": abi.Usage,
}
HASHES = (
    "ps_out_index", "ps_peers", "ps_remote", "ps_bindings", "ps_local", "ps_pods", "ps_protected", "ps_flows",
    "ps_path_mtus",
)
# Small, for it must be filled once.
RING_BYTES = 1 << 16
SEQUENCE_MAX = 2**32 - 1
HOUR_NS = 3600 * 10**9

HASH_KEY = (0x0706050403020100, 0x0F0E0D0C0B0A0908)

# Others use the rest of the mark.
MARK_SHIFT = 26
MARK_MASK = 0b11 << MARK_SHIFT
FOREIGN_MARK = 0xF0C0_1234 & ~MARK_MASK


class Verdict(enum.Enum):
    PASS = "pass"
    DROP = "drop"
    REDIRECT = "redirect"


# TC_ACT_* of linux/pkt_cls.h; UNSPEC lets the next program decide, which here is none.
VERDICTS = {0: Verdict.PASS, 0xFFFF_FFFF: Verdict.PASS, 2: Verdict.DROP, 7: Verdict.REDIRECT}


def now() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class Result:
    """One packet's fate: the frame and mark afterwards, how often each reason was counted, and the events."""

    verdict: Verdict
    frame: bytes
    mark: int
    counted: dict[abi.Reason, tuple[int, int]]
    events: list[abi.Event] = field(default_factory=list)

    @property
    def packet(self) -> bytes:
        """The frame without its Ethernet header."""
        return self.frame[14:]

    @property
    def stamp(self) -> abi.Stamp:
        return abi.Stamp((self.mark & MARK_MASK) >> MARK_SHIFT)

    @property
    def reasons(self) -> set[abi.Reason]:
        return set(self.counted)


class Datapath:
    """Loaded once, `reset` between cases."""

    def __init__(self, path: Path = OBJECT, slots: int = 64) -> None:
        self.slots = slots
        sizes = dict.fromkeys((*ARRAYS, "ps_out_index"), slots) | {"ps_events": RING_BYTES}
        self._object = Object(path, sizes)
        names = (*ARRAYS, *HASHES, "ps_config", "ps_counters", "ps_event_lost")
        self._map = {name: self._object.map(name) for name in names}
        self._programs = {hook: self._object.program(hook.name.lower()) for hook in abi.Hook}
        self._ring = Ring(self._object.map("ps_events"))
        # Every cause a case has had so far: the table of reasons is checked against it at the end.
        self.seen: set[abi.Reason] = set()

    def close(self) -> None:
        self._ring.close()
        self._object.close()

    def reset(self) -> None:
        """As after loading: nothing known, nothing ready."""
        for name in HASHES:
            self._map[name].clear()
        for name, kind in ARRAYS.items():
            for slot in range(self.slots):
                self._map[name][slot] = kind()
        self._map["ps_config"][0] = abi.Config()
        self._ring.take()

    def program(self, hook: abi.Hook) -> Program:
        return self._programs[hook]

    # What the daemon would write

    def configure(
        self, flags: int = abi.Constant.F_READY, hash_key: tuple[int, int] = HASH_KEY, **others: int
    ) -> None:
        config = abi.Config(
            abi_version=abi.Constant.ABI_VERSION, abi_oldest=abi.Constant.ABI_OLDEST, flags=flags, mark_mask=MARK_MASK,
            mark_shift=MARK_SHIFT, esp_port=PORT, event_burst=10**6,
        )
        config.hash_key[:] = hash_key
        for name, value in others.items():
            setattr(config, name, value)
        self._map["ps_config"][0] = config

    def protect(self, *prefixes: str) -> None:
        for prefix in prefixes:
            self._map["ps_protected"][abi.prefix(prefix)] = 1

    def add_pod(self, ifindex: int, mac: str, identity: int, *addresses: str, mtu: int = 0) -> None:
        """A pod of this node, known by its host-side device."""
        pod = abi.Pod(identity=identity, mtu=mtu)
        pod.mac[:] = bytes.fromhex(mac.replace(":", ""))
        self._map["ps_pods"][ifindex] = pod
        for address in addresses:
            self._map["ps_local"][abi.address(address)] = abi.Local(identity=identity, ifindex=ifindex)

    def remove_pod(self, ifindex: int, *addresses: str) -> None:
        self._map["ps_pods"].remove(ifindex)
        for address in addresses:
            self._map["ps_local"].remove(abi.address(address))

    def add_peer(self, peer: int, local: str, remote: str, port: int = PORT, mtu: int = 1500) -> None:
        self._map["ps_peers"][peer] = abi.Peer(
            remote=abi.address(remote), local=abi.address(local), port=port, mtu=mtu,
        )

    def remove_peer(self, peer: int) -> None:
        self._map["ps_peers"].remove(peer)

    def add_remote(self, address: str, peer: int, identity: int) -> None:
        """A pod of another node."""
        self._map["ps_remote"][abi.address(address)] = abi.Remote(peer=peer, identity=identity)

    def bind(self, address: str, peer: int, identity: int) -> None:
        """An inner source that a peer's identity may use."""
        self._map["ps_bindings"][abi.BindingKey(peer=peer, identity=identity, addr=abi.address(address))] = 0

    def add_outbound(
        self, sa: SA, peer: int, identity: int, seq: int = 0, deadline_ns: Optional[int] = None,
        seq_limit: int = SEQUENCE_MAX, ref_spi: Optional[int] = None, ref_slot: Optional[int] = None,
        record: Optional[dict[str, int]] = None,
    ) -> None:
        """An SA that seals. `record` has fields of the slot and `ref_*` those of its index where they disagree."""
        slot = sa.spi % self.slots
        written = abi.SAOut(seq=seq, spi=sa.spi, peer=peer, identity=identity, suite=abi.Suite.CHACHA20_POLY1305)
        self._fill(written, sa, record or {})
        self._map["ps_sa_out"][slot] = written
        self._map["ps_out_index"][abi.OutKey(peer=peer, identity=identity)] = abi.OutRef(
            slot=slot if ref_slot is None else ref_slot, spi=sa.spi if ref_spi is None else ref_spi,
            deadline_ns=now() + HOUR_NS if deadline_ns is None else deadline_ns, seq_limit=seq_limit,
        )

    def add_inbound(
        self, sa: SA, peer: int, identity: int, deadline_ns: Optional[int] = None,
        record: Optional[dict[str, int]] = None,
    ) -> None:
        """An SA that opens. `record` has fields of the slot that disagree with its index."""
        slot = sa.spi % self.slots
        written = abi.SAIn(spi=sa.spi, peer=peer, identity=identity, suite=abi.Suite.CHACHA20_POLY1305)
        self._fill(written, sa, record or {})
        self._map["ps_sa_in"][slot] = written
        self._map["ps_in_window"][slot] = abi.InWindow()
        self._map["ps_in_live"][slot] = abi.InLive(
            spi=sa.spi, last_spi=sa.spi, deadline_ns=now() + HOUR_NS if deadline_ns is None else deadline_ns
        )

    def unpublish(self, sa: SA) -> None:
        self._map["ps_in_live"][sa.spi % self.slots] = abi.InLive(last_spi=sa.spi)

    # What the daemon would read

    def sequence(self, sa: SA) -> int:
        return self._map["ps_sa_out"].read(sa.spi % self.slots, abi.SAOut).seq

    def window(self, sa: SA) -> tuple[int, bytes]:
        """The highest sequence accepted, and the ring of bits."""
        window = self._map["ps_in_window"].read(sa.spi % self.slots, abi.InWindow)
        return window.top, bytes(window.words)

    def usage(self, sa: SA, direction: str) -> abi.Usage:
        return self._map[f"ps_sa_usage_{direction}"].read(sa.spi % self.slots, abi.Usage)

    def counters(self) -> dict[abi.Reason, tuple[int, int]]:
        """Packets and bytes by reason, over all CPUs."""
        entries = self._map["ps_counters"].read_each_cpu(abi.Counter, abi.Reason.COUNT)
        return {
            reason: (sum(one.packets for one in entries[reason]), sum(one.bytes for one in entries[reason]))
            for reason in abi.Reason if reason != abi.Reason.COUNT
        }

    def lost_events(self) -> tuple[int, int]:
        """Events that found the ring full, and those over the rate."""
        ring_full, limited = map(sum, self._map["ps_event_lost"].read_each_cpu(ctypes.c_uint64, 2))
        return ring_full, limited

    def events(self) -> list[abi.Event]:
        return [abi.Event.from_buffer_copy(record) for record in self._ring.take()]

    @contextlib.contextmanager
    def events_unread(self) -> Iterator[None]:
        """Nobody reads the ring, as when the daemon is stopped; afterwards it is empty again."""
        take, self.events = self.events, lambda: []
        try:
            yield
        finally:
            self.events = take
            self.events()

    def run(
        self, hook: abi.Hook, frame: bytes, ifindex: int, mark: int = 0, ingress_ifindex: int = 0, gso_segs: int = 0,
        gso_size: int = 0,
    ) -> Result:
        """One packet at one hook of one device."""
        before = self.counters()
        context = SKBContext(
            mark=mark, ifindex=ifindex, ingress_ifindex=ingress_ifindex, gso_segs=gso_segs, gso_size=gso_size
        )
        outcome = self._programs[hook].run(frame, context)
        counted = _difference(before, self.counters())
        self.seen.update(counted)
        return Result(VERDICTS[outcome.verdict], outcome.frame, outcome.context.mark, counted, self.events())

    @staticmethod
    def _fill(record: ctypes.Structure, sa: SA, fields: dict[str, int]) -> None:
        record.key[:], record.salt[:] = sa.key, sa.salt
        for name, value in fields.items():
            setattr(record, name, value)


def _difference(before: dict, after: dict) -> dict[abi.Reason, tuple[int, int]]:
    return {
        reason: (packets - before[reason][0], size - before[reason][1])
        for reason, (packets, size) in after.items() if packets != before[reason][0]
    }
