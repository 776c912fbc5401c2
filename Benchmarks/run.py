#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Podshield beside its peers in one run: sets all paths up, measures them in turn, several times, and writes
results.json and the tables of docs/performance.md. Slow is no failure; what could not be measured is one."""

import argparse
import json
import signal
import sys
from pathlib import Path as File
from typing import Callable, Optional, TypeVar

HERE = File(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Tests/Scenarios"))

import cipher
import entries
import measures
import paths
import programs
import rates
import rotation
import streams
import surroundings
import table
import withdrawals
from goals import ALL as GOALS
from harness.lifetime import Interrupted, Run
from record import Record

RESULTS = HERE / "results.json"
DOCUMENT = HERE.parent / "docs/performance.md"
FORMAT_VERSION = 1
SET_UP_SECONDS = 300
# What a measurement may take beyond its time before the run has stalled.
OVERHEAD_SECONDS = 20
OTHERS_SECONDS = 700
ROTATION_SECONDS = 1200

T = TypeVar("T")


class Bench:
    def __init__(self, wanted: argparse.Namespace) -> None:
        self._wanted = wanted
        self._record = Record()
        self._failures: list[str] = []
        self._about = surroundings.describe(wanted.rounds, wanted.seconds)

    def play(self) -> int:
        signal.alarm(self._time_limit())
        with Run() as run:
            ways = self._set_up(run)
            for number in range(self._wanted.rounds):
                print(f"round {number + 1} of {self._wanted.rounds}", flush=True)
                self._round(ways, backwards=number % 2 == 1)
            # Several lifetimes of 10,000 are several rounds of their own.
            if not self._wanted.only_paths:
                self._attempt("rotation", lambda: rotation.measure(self._record))
            signal.alarm(0)
        self._publish()
        return 1 if self._failures else 0

    def _set_up(self, run: Run) -> list[paths.Path]:
        wanted = [kind for kind in paths.ALL if kind.name in self._wanted.paths]
        made = [self._attempt(f"setting up {kind.name}", lambda: kind(run)) for kind in wanted]
        return [way for way in made if way]

    def _round(self, ways: list[paths.Path], backwards: bool) -> None:
        """Measures of one kind stand next to one another in time; every other round turns their order."""
        for measure in measures.ALL:
            for way in reversed(ways) if backwards else ways:
                if measure.fits(way):
                    self._attempt(f"{measure.name} of {way.name}", lambda: self._take(measure, way))
        if not self._wanted.only_paths:
            others = {
                "the cipher": cipher, "the programs": programs, "keys and identities": rates, "many workloads": streams,
                "many entries": entries, "taking away": withdrawals,
            }
            for what, module in others.items():
                self._attempt(what, lambda: module.measure(self._record))

    def _take(self, measure: measures.Measure, way: paths.Path) -> None:
        found = measure.take(way, self._wanted.seconds)
        self._record.add(way.name, found)
        print(f"  {way.name:<18} " + "  ".join(f"{key} {value:.2f}" for key, value in found.items()), flush=True)

    def _attempt(self, what: str, action: Callable[[], T]) -> Optional[T]:
        """Nothing, and a failure to report at the end, when the action fails: the others go on."""
        try:
            return action()
        except Interrupted:
            raise
        except Exception as error:
            self._failures.append(what)
            print(f"bench: {what} failed: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            return None

    def _publish(self) -> None:
        """What failed is published with the rest: a figure of fewer rounds, or none, must be told from the others."""
        tables = table.render(self._record, self._about, self._failures)
        print(f"\n{tables}")
        if self._wanted.write:
            RESULTS.write_text(json.dumps(self._as_data(), indent=2, ensure_ascii=False) + "\n")
            table.insert(DOCUMENT, tables)

    def _as_data(self) -> dict[str, object]:
        reached = [
            {"goal": goal.title, "wanted": goal.wanted, "measured": measured, "met": goal.is_met(measured)}
            for goal in GOALS if (measured := goal.measured(self._record)) is not None
        ]
        return {
            "version": FORMAT_VERSION, "about": self._about, "failures": self._failures,
            "figures": self._record.as_data(), "goals": reached,
        }

    def _time_limit(self) -> int:
        taken = len(measures.ALL) * len(self._wanted.paths) * (self._wanted.seconds + OVERHEAD_SECONDS)
        return SET_UP_SECONDS + self._wanted.rounds * (taken + OTHERS_SECONDS) + ROTATION_SECONDS


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    names = [path.name for path in paths.ALL]
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    parser.add_argument("--paths", nargs="+", choices=names, default=names)
    parser.add_argument("--only-paths", action="store_true", help="without what has no peer: cipher, programs, keys, taking away")
    parser.add_argument("--write", action="store_true", help="results.json and docs/performance.md")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(Bench(arguments()).play())
    except Interrupted as interruption:
        sys.exit(f"bench: {'the time limit' if str(interruption) == signal.SIGALRM.name else interruption}")
