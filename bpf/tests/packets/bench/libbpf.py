# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""libbpf, as far as the bench needs it: an object's maps and programs, and runs of a program on one packet."""

import ctypes
import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

_lib = ctypes.CDLL("libbpf.so.1", use_errno=True)
_POINTER = ctypes.c_void_p
_STATUS = ctypes.c_int

for _name, _result, _arguments in [
    ("bpf_object__open_file", _POINTER, (ctypes.c_char_p, _POINTER)),
    ("bpf_object__load", _STATUS, (_POINTER,)),
    ("bpf_object__close", None, (_POINTER,)),
    ("bpf_object__find_map_by_name", _POINTER, (_POINTER, ctypes.c_char_p)),
    ("bpf_object__find_program_by_name", _POINTER, (_POINTER, ctypes.c_char_p)),
    ("bpf_map__set_max_entries", _STATUS, (_POINTER, ctypes.c_uint32)),
    ("bpf_map__fd", _STATUS, (_POINTER,)),
    ("bpf_map__key_size", ctypes.c_uint32, (_POINTER,)),
    ("bpf_map__value_size", ctypes.c_uint32, (_POINTER,)),
    ("bpf_program__fd", _STATUS, (_POINTER,)),
    ("bpf_map_update_elem", _STATUS, (_STATUS, _POINTER, _POINTER, ctypes.c_uint64)),
    ("bpf_map_lookup_elem", _STATUS, (_STATUS, _POINTER, _POINTER)),
    ("bpf_map_delete_elem", _STATUS, (_STATUS, _POINTER)),
    ("bpf_map_lookup_batch", _STATUS, (_STATUS, _POINTER, _POINTER, _POINTER, _POINTER, _POINTER, _POINTER)),
    ("bpf_map_get_next_key", _STATUS, (_STATUS, _POINTER, _POINTER)),
    ("bpf_prog_test_run_opts", _STATUS, (_STATUS, _POINTER)),
    ("libbpf_num_possible_cpus", _STATUS, ()),
    ("ring_buffer__new", _POINTER, (_STATUS, _POINTER, _POINTER, _POINTER)),
    ("ring_buffer__consume", _STATUS, (_POINTER,)),
    ("ring_buffer__free", None, (_POINTER,)),
    ("bpf_link_create", _STATUS, (_STATUS, _STATUS, _STATUS, _POINTER)),
]:
    getattr(_lib, _name).restype, getattr(_lib, _name).argtypes = _result, _arguments

_SAMPLE = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER, ctypes.c_size_t)


class SKBContext(ctypes.Structure):
    """struct __sk_buff of linux/bpf.h: a frozen interface of the kernel."""

    _fields_ = [
        *((name, ctypes.c_uint32) for name in (
            "len", "pkt_type", "mark", "queue_mapping", "protocol", "vlan_present", "vlan_tci", "vlan_proto",
            "priority", "ingress_ifindex", "ifindex", "tc_index",
        )),
        ("cb", ctypes.c_uint32 * 5),
        *((name, ctypes.c_uint32) for name in ("hash", "tc_classid", "data", "data_end", "napi_id", "family")),
        *((name, ctypes.c_uint32) for name in ("remote_ip4", "local_ip4")),
        ("remote_ip6", ctypes.c_uint32 * 4),
        ("local_ip6", ctypes.c_uint32 * 4),
        *((name, ctypes.c_uint32) for name in ("remote_port", "local_port", "data_meta")),
        ("flow_keys", ctypes.c_uint64),
        ("tstamp", ctypes.c_uint64),
        *((name, ctypes.c_uint32) for name in ("wire_len", "gso_segs")),
        ("sk", ctypes.c_uint64),
        *((name, ctypes.c_uint32) for name in ("gso_size", "tstamp_type_and_padding")),
        ("hwtstamp", ctypes.c_uint64),
    ]


class RunOptions(ctypes.Structure):
    """struct bpf_test_run_opts of bpf/bpf.h."""

    _fields_ = [
        ("sz", ctypes.c_size_t), ("data_in", _POINTER), ("data_out", _POINTER),
        ("data_size_in", ctypes.c_uint32), ("data_size_out", ctypes.c_uint32),
        ("ctx_in", _POINTER), ("ctx_out", _POINTER),
        ("ctx_size_in", ctypes.c_uint32), ("ctx_size_out", ctypes.c_uint32),
        ("retval", ctypes.c_uint32), ("repeat", ctypes.c_int), ("duration", ctypes.c_uint32),
        ("flags", ctypes.c_uint32), ("cpu", ctypes.c_uint32), ("batch_size", ctypes.c_uint32),
    ]


@dataclass(frozen=True)
class Outcome:
    """What a run made of a packet."""

    verdict: int
    frame: bytes
    context: SKBContext
    # Of the program alone, by the kernel's clock.
    nanoseconds: int


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = -result if result != -1 else ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


class Map:
    """A map of an object; keys and values are ctypes objects of the right sizes."""

    def __init__(self, handle: int, name: str) -> None:
        self.name = name
        self.descriptor = _checked(_lib.bpf_map__fd(handle), name)
        self.key_size = _lib.bpf_map__key_size(handle)
        self.value_size = _lib.bpf_map__value_size(handle)

    def __setitem__(self, key: ctypes.Structure | int, value: ctypes.Structure | int) -> None:
        key, value = self._sized(key, self.key_size), self._sized(value, self.value_size)
        _checked(_lib.bpf_map_update_elem(self.descriptor, ctypes.byref(key), ctypes.byref(value), 0), self.name)

    def read(self, key: ctypes.Structure | int, kind: type[ctypes.Structure]) -> Optional[ctypes.Structure]:
        """The value of a key, or nothing when there is none."""
        key, value = self._sized(key, self.key_size), self._sized(kind(), self.value_size)
        if _lib.bpf_map_lookup_elem(self.descriptor, ctypes.byref(key), ctypes.byref(value)) == 0:
            return value
        if ctypes.get_errno() == errno.ENOENT:
            return None
        raise OSError(ctypes.get_errno(), self.name)

    def read_each_cpu(self, kind: type, entries: int) -> list[list]:
        """Of a per-CPU array: for each entry, the value that each possible CPU has."""
        cpus = _checked(_lib.libbpf_num_possible_cpus(), "possible CPUs")
        keys, values = (ctypes.c_uint32 * entries)(), (kind * cpus * entries)()
        next_key, count = ctypes.c_uint32(), ctypes.c_uint32(entries)
        result = _lib.bpf_map_lookup_batch(
            self.descriptor, None, *map(ctypes.byref, (next_key, keys, values, count)), None
        )
        # The end of the map is told as an error, the entries are there all the same.
        if result not in (0, -errno.ENOENT) or count.value != entries:
            raise OSError(-result, self.name)
        return [list(each) for each in values]

    def remove(self, key: ctypes.Structure | int) -> None:
        _checked(_lib.bpf_map_delete_elem(self.descriptor, ctypes.byref(self._sized(key, self.key_size))), self.name)

    def clear(self) -> None:
        """Removes every entry of a hash."""
        key = ctypes.create_string_buffer(self.key_size)
        while _lib.bpf_map_get_next_key(self.descriptor, None, key) == 0:
            _checked(_lib.bpf_map_delete_elem(self.descriptor, key), self.name)

    def _sized(self, value: ctypes.Structure | int, size: int) -> ctypes.Structure | ctypes.c_uint32:
        value = ctypes.c_uint32(value) if isinstance(value, int) else value
        if ctypes.sizeof(value) != size:
            raise TypeError(f"{self.name} has {size} bytes where the ABI's {type(value).__name__} has others")
        return value


class Program:
    def __init__(self, handle: int, name: str) -> None:
        self.name = name
        self.descriptor = _checked(_lib.bpf_program__fd(handle), name)

    def run(self, frame: bytes, context: SKBContext) -> Outcome:
        """Runs once on this frame. Redirections are decided and not carried out."""
        room = ctypes.create_string_buffer(len(frame) + 4096)
        after = SKBContext()
        options = RunOptions(
            sz=ctypes.sizeof(RunOptions), data_in=ctypes.cast(ctypes.c_char_p(frame), _POINTER),
            data_size_in=len(frame), data_out=ctypes.addressof(room), data_size_out=len(room),
            ctx_in=ctypes.addressof(context), ctx_size_in=ctypes.sizeof(context),
            ctx_out=ctypes.addressof(after), ctx_size_out=ctypes.sizeof(after), repeat=1,
        )
        _checked(_lib.bpf_prog_test_run_opts(self.descriptor, ctypes.byref(options)), self.name)
        return Outcome(options.retval, room.raw[: options.data_size_out], after, options.duration)

    def attach_link(self, interface: int, attach_type: int) -> int:
        """A tcx link at an interface of this thread's namespace; it holds for as long as the descriptor is open."""
        return _checked(_lib.bpf_link_create(self.descriptor, interface, attach_type, None), self.name)


class Ring:
    """What a program wrote into a ring buffer."""

    def __init__(self, ring: Map) -> None:
        self._records: list[bytes] = []
        self._callback = _SAMPLE(self._take)
        self._ring = _lib.ring_buffer__new(ring.descriptor, self._callback, None, None)
        if not self._ring:
            raise OSError(ctypes.get_errno(), ring.name)

    def take(self) -> list[bytes]:
        """Everything since the last look."""
        _checked(_lib.ring_buffer__consume(self._ring), "ring buffer")
        records, self._records = self._records, []
        return records

    def close(self) -> None:
        _lib.ring_buffer__free(self._ring)

    def _take(self, _: int, data: int, size: int) -> int:
        self._records.append(ctypes.string_at(data, size))
        return 0


class Object:
    """A compiled object, loaded into the kernel on maps of its own."""

    def __init__(self, path: Path, max_entries: dict[str, int]) -> None:
        self._handle = _lib.bpf_object__open_file(str(path).encode(), None)
        if not self._handle:
            raise OSError(ctypes.get_errno(), f"{path} does not open as a BPF object")
        try:
            for name, entries in max_entries.items():
                _checked(_lib.bpf_map__set_max_entries(self._find("map", name), entries), name)
            _checked(_lib.bpf_object__load(self._handle), str(path))
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        _lib.bpf_object__close(self._handle)

    def map(self, name: str) -> Map:
        return Map(self._find("map", name), name)

    def program(self, name: str) -> Program:
        return Program(self._find("program", name), name)

    def _find(self, kind: str, name: str) -> int:
        found = getattr(_lib, f"bpf_object__find_{kind}_by_name")(self._handle, name.encode())
        if not found:
            raise LookupError(f"the object has no {kind} {name}")
        return found
