# SPDX-License-Identifier: Apache-2.0
"""Secrets that are looked for where none may be, in every form that they could have."""

import base64
import re
import tarfile
from pathlib import Path
from typing import Callable, Iterator

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

# What is encrypted is no secret.
PEM_KEY = re.compile(rb"-----BEGIN (?:EC |RSA )?PRIVATE KEY-----\n.*?-----END [A-Z ]+-----", re.DOTALL)
# These are told by their looks, whosever they are.
SHAPES = {
    "a private key": re.compile(rb"BEGIN [A-Z ]*PRIVATE KEY"),
    "a token signed as JWS": re.compile(rb"eyJ[\w-]{20,}\.[\w-]{20,}\.[\w-]{20,}"),
}
PIECE = 16
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
    """Secrets by name."""

    def __init__(self, secrets: dict[str, bytes]) -> None:
        self.secrets = {name: value for name, value in secrets.items() if value}

    def found_in(self, contents: bytes) -> list[str]:
        """Names of the secrets that are there in whatever form."""
        lower = contents.lower()
        packed = re.sub(rb"\s", b"", contents)
        known = [name for name, value in self.secrets.items() if any(
            form in place for piece in _pieces(value) for form, place in _forms(piece, contents, lower, packed))]
        return known + [name for name, shape in SHAPES.items() if shape.search(contents)]

    def missed(self) -> list[str]:
        """What the search would not find although it were there."""
        return [f"{name} as {form}" for name, value in self.secrets.items() for form, make in DISGUISES.items()
                if name not in self.found_in(b"before " + make(value) + b" after")]


def keys_below(directory: Path) -> dict[str, bytes]:
    """The private numbers of the keys in PEM files."""
    return {name: number for path in sorted(directory.rglob("*")) if path.is_file() for name, number in keys_in(path).items()}


def keys_in(path: Path) -> dict[str, bytes]:
    """The private numbers of the keys in a PEM file."""
    return {
        f"{name} of the key in {path.name}": number
        for pem in PEM_KEY.findall(path.read_bytes()) for name, number in _private_numbers(pem).items()
    }


def files_of(archive: Path) -> dict[str, bytes]:
    """The files of a sysdump, by name."""
    with tarfile.open(archive) as tar:
        return {Path(member.name).name: tar.extractfile(member).read() for member in tar if member.isfile()}


def _private_numbers(pem: bytes) -> dict[str, bytes]:
    """Nothing of what a scenario has damaged."""
    try:
        key = serialization.load_pem_private_key(pem, None)
    except ValueError:
        return {}
    numbers = key.private_numbers()
    found = {"d": numbers.private_value} if isinstance(key, EllipticCurvePrivateKey) else {
        "d": numbers.d, "p": numbers.p, "q": numbers.q}
    return {name: number.to_bytes(-(-number.bit_length() // 8)) for name, number in found.items()}


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
