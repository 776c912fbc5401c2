# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""The ABI as the C compiler lays it out: read from the BTF of abi_types.c, never written down a second time."""

import ctypes
import enum
import ipaddress
import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
PACKETS = ROOT / "bpf/tests/packets"
TYPES = ROOT / "build/tests/packets/abi_types.o"
INTEGERS = {1: ctypes.c_uint8, 2: ctypes.c_uint16, 4: ctypes.c_uint32, 8: ctypes.c_uint64}


class Layouts:
    """Turns BTF types into ctypes classes and enumerations of the same layout and names."""

    def __init__(self, path: Path) -> None:
        dump = subprocess.run(["bpftool", "-j", "btf", "dump", "file", path], check=True, capture_output=True)
        self._types = {described["id"]: described for described in json.loads(dump.stdout)["types"]}
        self._classes: dict[int, type] = {}

    def structure(self, name: str) -> type[ctypes.Structure]:
        return self._class(self._find("STRUCT", name)["id"])

    def enumeration(self, name: str, prefix: str = "") -> type[enum.IntEnum]:
        members = self._find("ENUM", name)["values"]
        return enum.IntEnum(name, {member["name"].removeprefix(prefix): member["val"] for member in members})

    def _find(self, kind: str, name: str) -> dict:
        return next(one for one in self._types.values() if (one["kind"], one["name"]) == (kind, name))

    def _class(self, number: int) -> type:
        if number not in self._classes:
            self._classes[number] = self._make(self._types[number])
        return self._classes[number]

    def _make(self, described: dict) -> type:
        match described["kind"]:
            case "TYPEDEF":
                return self._class(described["type_id"])
            case "INT":
                return INTEGERS[described["size"]]
            case "ARRAY":
                return self._class(described["type_id"]) * described["nr_elems"]
            case "STRUCT":
                return self._make_structure(described)
        raise TypeError(f"the ABI has a {described['kind']}, which is not among its rules")

    def _make_structure(self, described: dict) -> type[ctypes.Structure]:
        fields = [(member["name"], self._class(member["type_id"])) for member in described["members"]]
        made = type(described["name"], (ctypes.Structure,), {"_fields_": fields})
        offsets = [getattr(made, member["name"]).offset * 8 for member in described["members"]]
        if ctypes.sizeof(made) != described["size"] or offsets != [m["bits_offset"] for m in described["members"]]:
            raise TypeError(f"{described['name']} is not laid out naturally")
        return made


def _up_to_date(path: Path) -> Path:
    """Compiled again where the header has changed: layouts of yesterday would be worse than none."""
    # A make above us must not hand its jobs down.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    subprocess.run(["make", "--silent", "-C", PACKETS, "all"], check=True, env=environment)
    return path


_layouts = Layouts(_up_to_date(TYPES))

Config = _layouts.structure("ps_config")
SAOut = _layouts.structure("ps_sa_out")
OutKey = _layouts.structure("ps_out_key")
OutRef = _layouts.structure("ps_out_ref")
SAIn = _layouts.structure("ps_sa_in")
InLive = _layouts.structure("ps_in_live")
InWindow = _layouts.structure("ps_in_window")
Usage = _layouts.structure("ps_sa_usage")
Address = _layouts.structure("ps_addr")
Peer = _layouts.structure("ps_peer")
Remote = _layouts.structure("ps_remote")
BindingKey = _layouts.structure("ps_binding_key")
Local = _layouts.structure("ps_local")
Pod = _layouts.structure("ps_pod")
PrefixKey = _layouts.structure("ps_lpm_key")
Counter = _layouts.structure("ps_counter")
Event = _layouts.structure("ps_event")

Suite = _layouts.enumeration("ps_suite", "PS_SUITE_")
Stamp = _layouts.enumeration("ps_stamp", "PS_STAMP_")
Reason = _layouts.enumeration("ps_reason", "PS_R_")
Hook = _layouts.enumeration("ps_hook", "PS_HOOK_")
Constant = _layouts.enumeration("ps_constant")


def address(text: str) -> Address:
    """An address in the ABI's form: 16 bytes in network order, IPv4 mapped."""
    return Address.from_buffer_copy(_mapped(ipaddress.ip_address(text)))


def prefix(text: str) -> PrefixKey:
    """A prefix in the ABI's form: its length counts from the start of the 128 bits."""
    network = ipaddress.ip_network(text)
    length = network.prefixlen + (96 if network.version == 4 else 0)
    return PrefixKey(prefixlen=length, addr=Address.from_buffer_copy(_mapped(network.network_address)))


def readable(value: Address) -> str:
    """An address of the ABI as text."""
    found = ipaddress.IPv6Address(bytes(value))
    return str(found.ipv4_mapped or found)


def _mapped(value: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bytes:
    return bytes(10) + b"\xff\xff" + value.packed if value.version == 4 else value.packed
