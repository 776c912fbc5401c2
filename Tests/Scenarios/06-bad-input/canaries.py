# SPDX-License-Identifier: Apache-2.0
"""`psid sysdump` holds no secret: every key and token there is, looked for in every form that it could have."""

import base64
import json
import re
import tarfile
from pathlib import Path
from typing import Callable, Iterator

from box import Box

from harness import commands
from harness.daemons import Daemon

PEM_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\n(.*?)-----END", re.DOTALL)
# The maps in the kernel that hold keys, and where in a record (bpf/abi).
KEY_MAPS = {"ps_sa_in": slice(16, 48), "ps_sa_out": slice(24, 56)}
PIECE = 16
WANTED = {
    "status.json", "peers.json", "pods.json", "datapath.json", "config.yaml", "versions.json", "findings.json",
    "events.jsonl", "files.txt",
}
# How a secret may stand in a file, to see that the search would find it.
DISGUISES: dict[str, Callable[[bytes], bytes]] = {
    "bytes": lambda secret: secret,
    "hexadecimal": lambda secret: secret.hex().upper().encode(),
    "hexadecimal with colons": lambda secret: secret.hex(":").encode(),
    "numbers": lambda secret: str(list(secret)).encode(),
    "base64": base64.b64encode,
    "base64 for URLs": base64.urlsafe_b64encode,
    "PEM, one byte in": lambda secret: base64.encodebytes(b"a" + secret),
    "PEM, two bytes in": lambda secret: base64.encodebytes(b"ab" + secret + b"c"),
}


class Canaries:
    """The secrets of a node while it runs: those on disk, in its configuration and in the kernel."""

    def __init__(self, box: Box, daemon: Daemon) -> None:
        self._box, self._daemon = box, daemon
        self.secrets = {name: value for name, value in self._all() if value}

    def found_in(self, contents: bytes) -> list[str]:
        """Names of the secrets that are there in whatever form."""
        lower = contents.lower()
        packed = re.sub(rb"\s", b"", contents)
        return [name for name, value in self.secrets.items() if any(
            form in place for piece in _pieces(value) for form, place in _forms(piece, contents, lower, packed))]

    def _all(self) -> Iterator[tuple[str, bytes]]:
        node = self._daemon.configuration_file.parent
        for path in sorted((node / "state").rglob("*")):
            if path.is_file() and (found := PEM_KEY.search(path.read_bytes())):
                der = base64.b64decode(found[1])
                yield f"the key in {path.name}", _scalar(der)
        for line in self._daemon.configuration_file.read_text().splitlines():
            if match := re.match(r"\s*token: (\S+)", line):
                yield "the join token", match[1].encode()
        pins = self._box.run.directory / f"{node.name}-bpf" / "podshield"
        for path in sorted(pins.rglob("maps/*")):
            if path.name in KEY_MAPS:
                for entry in json.loads(commands.run("bpftool", "-j", "map", "dump", "pinned", str(path))):
                    value = bytes(int(byte, 16) for byte in entry["value"])
                    if any(value):
                        yield f"slot {entry['key'][0]} of {path.name}", value[KEY_MAPS[path.name]]


def _scalar(der: bytes) -> bytes:
    """The private number of a P-256 key in PKCS #8: an OCTET STRING of 32 bytes."""
    start = der.index(b"\x04\x20") + 2
    return der[start:start + 32]


def _pieces(secret: bytes) -> list[bytes]:
    """A piece is as bad as the whole."""
    return [secret[at:at + PIECE] for at in range(0, max(len(secret) - PIECE, 0) + 1, PIECE)]


def _forms(piece: bytes, contents: bytes, lower: bytes, packed: bytes) -> Iterator[tuple[bytes, bytes]]:
    yield piece, contents
    yield piece.hex().encode(), lower
    yield ":".join(f"{byte:02x}" for byte in piece).encode(), lower
    yield ", ".join(f"{byte}" for byte in piece).encode(), contents
    yield ",".join(f"{byte}" for byte in piece).encode(), packed
    # Base64, and PEM with it, wherever in a group of three the piece begins: its own letters only.
    for shift in range(3):
        letters = base64.b64encode(bytes(shift) + piece)
        first, last = -(-8 * shift // 6), 8 * (shift + len(piece)) // 6
        for alphabet in (letters, letters.translate(bytes.maketrans(b"+/", b"-_"))):
            yield alphabet[first:last], packed


def dump(box: Box, daemon: Daemon) -> dict[str, bytes]:
    """The files of a sysdump, by name."""
    archive = box.run.directory / f"{daemon.node.name}-dump.tar.gz"
    status, output, messages = box.psid("sysdump", "--out", str(archive), of=daemon)
    if status != 0 or output.strip() != str(archive):
        raise RuntimeError(f"psid sysdump: {status}, {output}{messages}")
    with tarfile.open(archive) as tar:
        return {Path(member.name).name: tar.extractfile(member).read() for member in tar if member.isfile()}


def play(box: Box, daemons: tuple[Daemon, ...]) -> None:
    box.report.step("13. A dump for other eyes")
    for daemon in daemons:
        name = daemon.node.name
        canaries = Canaries(box, daemon)
        kinds = ("key in ca.key", "key in node.pem", "join token", "ps_sa_in", "ps_sa_out")
        there = [kind for kind in kinds if any(kind in secret for secret in canaries.secrets)]
        box.report.expect(f"{name} has secrets to look for", len(there) >= 4, f"{len(canaries.secrets)}: {', '.join(there)}")
        blind = [f"{secret} as {form}" for secret, value in canaries.secrets.items() for form, make in DISGUISES.items()
                 if secret not in canaries.found_in(b"before " + make(value) + b" after")]
        box.report.expect("the search finds each in every form", not blind, ", ".join(blind or DISGUISES))
        files = dump(box, daemon)
        box.report.expect("the dump has what is needed", WANTED <= files.keys(), ", ".join(sorted(files)))
        found = {file: secrets for file, contents in files.items() if (secrets := canaries.found_in(contents))}
        box.report.expect("and none of the secrets", not found, found or f"{sum(map(len, files.values()))} bytes searched")
