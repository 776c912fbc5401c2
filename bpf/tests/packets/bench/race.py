# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""One frame on two CPUs at the same moment: race.c, for Python."""

import ctypes
from dataclasses import dataclass

from .abi import ROOT
from .datapath import VERDICTS, Verdict
from .libbpf import Program, SKBContext

LIBRARY = ROOT / "build/tests/packets/race.so"
CPUS, FRAME_MAX = 2, 2048


class Turn(ctypes.Structure):
    """struct race_turn."""

    _fields_ = [
        ("frame", ctypes.c_uint8 * FRAME_MAX), ("length", ctypes.c_uint32), ("verdict", ctypes.c_uint32 * CPUS),
        ("length_after", ctypes.c_uint32 * CPUS), ("after", ctypes.c_uint8 * FRAME_MAX * CPUS),
    ]


@dataclass(frozen=True)
class Outcome:
    """What one CPU made of a turn's frame."""

    verdict: Verdict
    frame: bytes


def race(program: Program, frames: list[bytes], context: SKBContext) -> list[list[Outcome]]:
    """For each frame, the outcome on each CPU."""
    turns = (Turn * len(frames))()
    for turn, frame in zip(turns, frames):
        turn.length = len(frame)
        turn.frame[: len(frame)] = frame
    library = ctypes.CDLL(str(LIBRARY))
    error = library.race(program.descriptor, ctypes.byref(context), turns, ctypes.c_uint32(len(frames)))
    if error != 0:
        raise OSError(-error, f"{program.name} did not run")
    return [[_outcome(turn, cpu) for cpu in range(CPUS)] for turn in turns]


def _outcome(turn: Turn, cpu: int) -> Outcome:
    return Outcome(VERDICTS[turn.verdict[cpu]], bytes(turn.after[cpu][: turn.length_after[cpu]]))
