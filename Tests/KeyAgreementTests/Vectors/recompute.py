#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Computes the node link's vectors from their inputs, with nothing but hashlib and hmac, and prints the whole file.

    recompute.py node-link.txt

What it prints equals the file, or one of the two is wrong."""

import hashlib
import hmac
import struct
import sys
import textwrap


def hkdf_extract(salt: bytes, ikm: bytes) -> bytes:
    return hmac.new(salt, ikm, hashlib.sha384).digest()


def hkdf_expand(prk: bytes, info: bytes, count: int) -> bytes:
    output, block = b"", b""
    for number in range(1, -(-count // 48) + 1):
        block = hmac.new(prk, block + info + bytes([number]), hashlib.sha384).digest()
        output += block
    return output[:count]


def fields(*values) -> bytes:
    """Each as a 16-bit length and its bytes."""
    encoded = [value.encode() if isinstance(value, str) else value for value in values]
    return b"".join(struct.pack(">H", len(value)) + value for value in encoded)


def frame(kind: int, body: bytes) -> bytes:
    return struct.pack(">IB", len(body) + 1, kind) + body


def hello(node: int, boot_id: bytes) -> bytes:
    """Version 1 to 1, suites [1], modes [1], no features."""
    return frame(1, struct.pack(">BBHHHBQI", 1, 1, 1, 1, 1, 1, 0, node) + boot_id)


def mapped(address: str) -> bytes:
    return bytes(10) + b"\xff\xff" + bytes(map(int, address.split(".")))


def statement(label: str, v: dict, generation: int, addresses: bytes, nonce: bytes) -> bytes:
    return fields(
        label, b"\x01", v["client"], v["server"], v["client-leaf-sha256"], v["server-leaf-sha256"],
        v["exporter-proof"], v["svid-leaf-sha256"], struct.pack(">I", 1), struct.pack(">I", generation), addresses, nonce)


def outputs(v: dict) -> dict:
    context = fields(
        v["client"], v["server"], v["client-leaf-sha256"], v["server-leaf-sha256"], v["exporter-epoch"],
        v["kem-transcript"], b"\x01", b"\x00\x01", b"\x01")
    prk = hkdf_extract(v["exporter-esp"], v["kem-secret"])
    info = fields(
        "podshield-sa-v1", v["client"], v["server"], v["spi"], v["identity"], v["workload"], v["sender-nonce"],
        v["receiver-nonce"])
    sa = hkdf_expand(prk, info, 36)
    hellos = [hello(1, v["client-boot-id"]), hello(2, v["server-boot-id"])]
    kem = [frame(2, bytes([0x0E]) * 1184), frame(3, bytes([0x0A]) * 1088)]
    transcript = hashlib.sha384(b"".join(hellos + kem)).digest()
    confirm = {
        role: hmac.new(hkdf_expand(prk, fields(f"podshield-confirm-{role}-v1"), 48), transcript, hashlib.sha384).digest()
        for role in ("client", "server")
    }
    addresses = mapped("10.0.1.1") + mapped("10.0.1.2")
    return {
        "esp-context": context,
        "prk": prk,
        "sa-info": info,
        "sa-key": sa[:32],
        "sa-salt": sa[32:],
        "frame-hello-client": hellos[0],
        "frame-hello-server": hellos[1],
        "transcript": transcript,
        "confirm-client": confirm["client"],
        "confirm-server": confirm["server"],
        "statement-announce": statement("podshield-proof-announce-v1", v, 0, addresses, v["sender-nonce"]),
        "statement-addresses": statement("podshield-proof-addresses-v1", v, 1, addresses, b""),
        "statement-renew": statement("podshield-proof-renew-v1", v, 2, b"", b""),
        "frame-accept": frame(17, struct.pack(">I", 1) + v["spi"] + v["receiver-nonce"]),
        "frame-refuse": frame(18, struct.pack(">IIBH", 1, 0, 12, 1) + mapped("10.0.1.2")),
        "frame-acknowledge": frame(21, struct.pack(">II", 1, 2)),
        "frame-withdraw": frame(22, struct.pack(">I", 1)),
        "frame-withdrawn": frame(23, struct.pack(">I", 1)),
        "frame-switched": frame(24, struct.pack(">I", 1) + v["spi"]),
        "frame-complete": frame(25, b""),
        "frame-completed": frame(26, b""),
        "frame-ping": frame(32, struct.pack(">Q", 7)),
        "frame-pong": frame(33, struct.pack(">Q", 7)),
        "frame-close": frame(34, b"\x02"),
    }


def read(path: str) -> tuple[list[str], dict]:
    """The lines up to the outputs, and the inputs among them."""
    head: list[str] = []
    values: dict = {}
    for line in open(path, encoding="utf-8").read().splitlines():
        head.append(line)
        if line == "[outputs]":
            break
        if " = " in line:
            name, value = line.split(" = ")
            values[name] = value if value.startswith("spiffe://") else bytes.fromhex(value)
    return head, values


def main() -> None:
    head, inputs = read(sys.argv[1])
    print("\n".join(head))
    for name, value in outputs(inputs).items():
        lines = textwrap.wrap(value.hex(), 96) or [""]
        print(f"{name} = " + "\n    ".join(lines))


main()
