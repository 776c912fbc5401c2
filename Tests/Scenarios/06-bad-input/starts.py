# SPDX-License-Identifier: Apache-2.0
"""Starts that are refused: what is spoiled, the one line that is said, the exit status. Nothing else may change."""

import contextlib
import fcntl
import os
import re
import socket
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator

from box import Box, remount_read_only

from harness import commands
from harness.daemons import TRUST_DOMAIN, binaries
from harness.stock_kernel import StockKernel

FAILURE, CONFIGURATION = 1, 78
Spoiling = Callable[[Box], "contextlib.AbstractContextManager[tuple[str, ...]]"]


@dataclass(frozen=True)
class Start:
    name: str
    status: int
    # As docs/operations.md has it.
    code: str
    # What follows the code.
    line: str
    # Makes it so, and undoes it; gives what to run the daemon under.
    spoil: Spoiling


def start_refused(box: Box, start: Start) -> None:
    before = box.digests()
    with start.spoil(box) as prefix:
        told, findings = box.doctor("--pre", under=prefix)
        status, lines = box.try_start(*prefix)
    wanted = f"podshield-idd: {start.code} {start.line}"
    holds = status == start.status and len(lines) == 1 and re.fullmatch(wanted, lines[0])
    box.report.expect(f"{start.name}: status {start.status}", bool(holds), f"{status}, {'; '.join(lines)}")
    found = [finding for finding in findings if finding["code"] == start.code]
    shown = f"{found[0]['message']}: {found[0]['remedy']}" if found else findings
    box.report.expect(f"{start.name}: psid doctor has said so before", told == 2 and bool(found), shown)
    after = box.digests()
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    if changed:
        box.report.expect(f"{start.name}: state and pins are untouched", False, ", ".join(changed))


def without_btf(box: Box) -> None:
    """A kernel that was built without BTF, in earnest."""
    kernel = StockKernel(box.run, box.net.wire, "no-btf")
    kernel.boot()
    kernel.copy(binaries() / "podshield-idd")
    kernel.write("podshield.yaml", f"""
role: node
trust-domain: {TRUST_DOMAIN}
protected: ["10.42.0.0/16"]
node: {{name: node-u, address: 192.0.2.13}}
join: {{authority: "192.0.2.11:7601", root-fingerprint: {"0" * 64}, token: none}}
paths: {{state: /tmp/state, run: /tmp/run}}
""")
    kernel.run("chmod 600 /podshield.yaml")
    try:
        ended = (0, kernel.run("/podshield-idd --config /podshield.yaml"))
    except commands.CommandFailed as failure:
        ended = (failure.status, failure.output)
    line = next((line for line in ended[1].splitlines() if line.startswith("podshield-idd: ")), ended[1])
    wanted = "podshield-idd: PSD6005 the datapath cannot be set up: the kernel has no BTF"
    release = kernel.run("uname -r").strip()
    box.report.expect(f"{release}, which has none: status 1", ended[0] == 1 and line.startswith(wanted), line)


# Ways to spoil


def _text(change: Callable[[str], str]) -> Spoiling:
    """Another text of the configuration."""
    return lambda box: _contents(box.configuration, lambda old: change(old.decode()).encode())


def _state_file(name: str, change: Callable[[bytes], bytes]) -> Spoiling:
    return lambda box: _contents(box.state / name, change)


def _registry(change: Callable[[bytes], bytes]) -> Spoiling:
    def spoil(box: Box) -> contextlib.AbstractContextManager[tuple[str, ...]]:
        path = box.state / "authority/authority.sqlite"
        # A page in its log would be read instead of the one that is spoiled.
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return _contents(path, change)

    return spoil


@contextlib.contextmanager
def _contents(path: Path, change: Callable[[bytes], bytes]) -> Iterator[tuple[str, ...]]:
    old = path.read_bytes()
    path.write_bytes(change(old))
    try:
        yield ()
    finally:
        path.write_bytes(old)


def _mode(name: str, mode: int, *prefix: str) -> Spoiling:
    @contextlib.contextmanager
    def spoil(box: Box) -> Iterator[tuple[str, ...]]:
        path = box.directory / name
        old = path.stat().st_mode
        path.chmod(mode)
        try:
            yield prefix
        finally:
            path.chmod(old)

    return spoil


def _missing(name: str) -> Spoiling:
    @contextlib.contextmanager
    def spoil(box: Box) -> Iterator[tuple[str, ...]]:
        path = box.directory / name
        aside = path.rename(path.with_name("set-aside"))
        try:
            yield ()
        finally:
            aside.rename(path)

    return spoil


def _read_only(name: str) -> Spoiling:
    @contextlib.contextmanager
    def spoil(box: Box) -> Iterator[tuple[str, ...]]:
        path = box.directory / name
        remount_read_only(path)
        try:
            yield ()
        finally:
            commands.run("umount", str(path))

    return spoil


def _under(*prefix: str) -> Spoiling:
    return lambda box: contextlib.nullcontext(prefix)


def _taken(kind: int, port: int) -> Spoiling:
    @contextlib.contextmanager
    def spoil(box: Box) -> Iterator[tuple[str, ...]]:
        holder = box.net.a.namespace.inside(lambda: socket.socket(socket.AF_INET, kind))
        with holder:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind((box.net.a.v4, port))
            if kind == socket.SOCK_STREAM:
                holder.listen()
            yield ()

    return spoil


@contextlib.contextmanager
def _second(box: Box) -> Iterator[tuple[str, ...]]:
    """Another daemon on the same state, with sockets of its own."""
    lock = os.open(box.state / "lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    try:
        yield ()
    finally:
        os.close(lock)


def _replace(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text, old
        return text.replace(old, new)

    return change


def _line(key: str, value: str) -> Callable[[str], str]:
    return lambda text: re.sub(rf"(?m)^( *{key}:).*$", rf"\1 {value}", text)


NO_CAPABILITIES = "-bpf,-perfmon,-net_admin,-sys_admin"
NO_OVERRIDE = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all", "--")

STARTS = (
    # The configuration
    Start("no configuration", CONFIGURATION, "PSD6001", r".*/config\.yaml: cannot be read: No such file or directory",
          _missing("config.yaml")),
    Start("a configuration that is a directory", CONFIGURATION, "PSD6001", r"\S+: cannot be read: Is a directory",
          lambda box: _directory_instead(box.configuration)),
    Start("a configuration with nothing but a role", CONFIGURATION, "PSD6001", r".*: trust-domain: is missing",
          _text(lambda _: "role: authority\nauthority:\n  listen: 192.0.2.11\n")),
    Start("a configuration that is no text", CONFIGURATION, "PSD6001", r".*/config\.yaml: is not UTF-8",
          lambda box: _contents(box.configuration, lambda _: b"\xff\xfe\x00")),
    Start("no YAML", CONFIGURATION, "PSD6001", r".*/config\.yaml:\d+:\d+: not YAML: .*", _text(lambda old: old + "\nx: [\n")),
    Start("a key that does not exist", CONFIGURATION, "PSD6001", r".*:\d+:\d+: 'rol\\u\{1B\}e' is no key.*",
          _text(lambda old: old + '\n"rol\\ee": 1\n')),
    Start("a value that does not fit", CONFIGURATION, "PSD6001", r".*:\d+:\d+: node\.address: '192\.0\.2\.999' is not an IP.*",
          _text(_line("address", "192.0.2.999"))),
    # Files
    Start("a key open to the world", FAILURE, "PSD6002", r".*/ca\.key is open to others \(mode 644\); it must be 600",
          _mode("state/authority/ca.key", 0o644)),
    Start("a key that cannot be read", FAILURE, "PSD6002", r".*/ca\.key: Permission denied",
          _mode("state/authority/ca.key", 0, *NO_OVERRIDE)),
    Start("a damaged key", FAILURE, "PSD6002", r".*/ca\.key cannot be used: .*",
          _state_file("authority/ca.key", lambda old: old[: len(old) // 2])),
    Start("another's key", FAILURE, "PSD6002", r".*/ca\.pem cannot be used: .*",
          _state_file("authority/ca.key", lambda _: _new_key())),
    Start("no key", FAILURE, "PSD6002", r".*/ca\.key is missing while .*/ca\.pem is there; restore it from a backup",
          _missing("state/authority/ca.key")),
    Start("a node's key open to the group", FAILURE, "PSD6002", r".*/node\.pem is open to others \(mode 640\); it must be 600",
          _mode("state/node/node.pem", 0o640)),
    Start("state that others can write to", FAILURE, "PSD6002",
          r".*/state can be written by others \(mode 777\); it must be 700", _mode("state", 0o777)),
    Start("pods that are no JSON", FAILURE, "PSD6002", r".*/pods\.json cannot be used: .*",
          _state_file("pods/pods.json", lambda _: b"{]")),
    Start("pods of another version", FAILURE, "PSD6002", r".*/pods\.json has version 2, which this program does not know",
          _state_file("pods/pods.json", lambda old: re.sub(rb'"version" : 1\b', b'"version" : 2', old))),
    Start("a pod that makes no sense", FAILURE, "PSD6002", r"the record of pod shop/web-0 makes no sense",
          _state_file("pods/pods.json", lambda old: old.replace(b'"/run/netns/', b'"/etc/'))),
    Start("pods where others can write", FAILURE, "PSD6002",
          r".*/pods can be written by others \(mode 777\); it must be 700", _mode("state/pods", 0o777)),
    # The registry
    Start("a registry that is none", FAILURE, "PSD6002", r".*/authority\.sqlite is damaged or no database: .*",
          _registry(lambda _: b"nonsense" * 4096)),
    Start("a damaged registry", FAILURE, "PSD6002", r".*/authority\.sqlite is damaged or no database: .*",
          _registry(lambda old: old[:4096] + b"\xa5" * 4096 + old[8192:])),
    Start("a registry that cannot be written", FAILURE, "PSD6002", r".*/authority\.sqlite cannot be written",
          _read_only("state/authority/authority.sqlite")),
    Start("state that cannot be written", FAILURE, "PSD6002", r".*/state/lock: Read-only file system", _read_only("state")),
    # The kernel
    Start("a kernel too old", FAILURE, "PSD6004", r".*Linux 2\.6\.\S+ is too old: 6\.1 or newer is needed",
          _under("setarch", "--uname-2.6")),
    Start("a kernel without BTF", FAILURE, "PSD6005", r".*the kernel has no BTF: there is no /sys/kernel/btf/vmlinux",
          _under("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /sys/kernel/btf && exec "$@"', "sh")),
    Start("no capabilities", FAILURE, "PSD6006", r".*lacks CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN",
          _under("setpriv", "--bounding-set", NO_CAPABILITIES, "--inh-caps", "-all", "--")),
    Start("no bpffs", FAILURE, "PSD6007", r".* is not in a mounted bpffs", _text(_line("bpffs", "/tmp"))),
    Start("no programs", FAILURE, "PSD6008", r".*/nowhere\.bpf\.o: No such file or directory.*",
          _text(_line("bpf-object", "/tmp/nowhere.bpf.o"))),
    Start("programs that are none", FAILURE, "PSD6008", r".*/config\.yaml.* is not a proper ELF object\)",
          lambda box: _contents(box.configuration, lambda old: _line("bpf-object", str(box.configuration))(
              old.decode()).encode())),
    Start("tables of another size", FAILURE, "PSD6008", r".*settings.*", _text(lambda old: old + "\ntables:\n  pods: 16\n")),
    # Addresses
    Start("the authority's port is taken", FAILURE, "PSD6009", r".*192\.0\.2\.11.*7601.*in use.*",
          _taken(socket.SOCK_STREAM, 7601)),
    Start("the link's port is taken", FAILURE, "PSD6009", r".*192\.0\.2\.11.*7600.*in use.*", _taken(socket.SOCK_STREAM, 7600)),
    Start("the port of sealed packets is taken", FAILURE, "PSD6009", r".*192\.0\.2\.11.*4500.*in use.*",
          _taken(socket.SOCK_DGRAM, 4500)),
    Start("an address of nobody", FAILURE, "PSD6009", r".*192\.0\.2\.99.*", _text(_line("address", "192.0.2.99"))),
    Start("a second daemon on the same state", FAILURE, "PSD6003",
          rf".*another daemon of this instance is running: .*/lock: .*\(held by process {os.getpid()}\)", _second),
)


@contextlib.contextmanager
def _directory_instead(path: Path) -> Iterator[tuple[str, ...]]:
    aside = path.with_suffix(".aside")
    path.rename(aside)
    path.mkdir()
    try:
        yield ()
    finally:
        path.rmdir()
        aside.rename(path)


def _new_key() -> bytes:
    return commands.run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256").encode()
