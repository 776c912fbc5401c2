# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""Frames that nobody would write: changed at random, mostly where headers are, the same in every run."""

import random
from typing import Callable, Iterator

# Where Ethernet, IP, ESP and transport headers have their fields.
HEADERS = 14 + 40 + 8 + 16 + 40
# The kernel runs no program on a frame without a whole IPv6 header.
FRAME_MIN, FRAME_MAX = 14 + 40, 3000
VALUES = (0x00, 0x01, 0x04, 0x06, 0x29, 0x2C, 0x3A, 0x3F, 0x40, 0x7F, 0x80, 0xFE, 0xFF)


def _flip(rng: random.Random, frame: bytearray) -> None:
    frame[_place(rng, frame)] ^= 1 << rng.randrange(8)


def _set(rng: random.Random, frame: bytearray) -> None:
    frame[_place(rng, frame)] = rng.choice(VALUES)


def _cut(rng: random.Random, frame: bytearray) -> None:
    del frame[rng.randrange(FRAME_MIN, max(len(frame), FRAME_MIN) + 1) :]


def _grow(rng: random.Random, frame: bytearray) -> None:
    frame += rng.randbytes(rng.randrange(1, 64))


def _remove(rng: random.Random, frame: bytearray) -> None:
    place = _place(rng, frame)
    del frame[place : place + rng.randrange(1, 9)]


def _repeat(rng: random.Random, frame: bytearray) -> None:
    place = _place(rng, frame)
    frame[place:place] = frame[place : place + rng.randrange(1, 41)]


Edit = Callable[[random.Random, bytearray], None]
EDITS: list[Edit] = [_flip, _flip, _flip, _set, _set, _set, _cut, _grow, _remove, _repeat]


def mutations(originals: list[bytes], count: int, seed: int) -> Iterator[bytes]:
    """`count` frames, each one of the originals after one to four edits."""
    rng = random.Random(seed)
    for _ in range(count):
        frame = bytearray(rng.choice(originals))
        for _ in range(rng.randrange(1, 5)):
            rng.choice(EDITS)(rng, frame)
        yield bytes(frame[:FRAME_MAX].ljust(FRAME_MIN, b"\0"))


def _place(rng: random.Random, frame: bytearray) -> int:
    """Mostly in the headers, and beyond the hardware addresses."""
    end = min(HEADERS, len(frame)) if rng.random() < 0.9 else len(frame)
    return rng.randrange(12, end)
