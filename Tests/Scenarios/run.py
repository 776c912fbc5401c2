#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plays scenarios: run.py [NN-name...]. Each is a folder with a `scenario.py` that has a TITLE and `play(run, report)`. At the end of
each what its daemons have said is searched for their secrets.

One scenario runs in this process. Several run in processes of their own, so that none inherits anything of another, as many at a
time as there are processors; those that want the whole machine, and say so by ALONE, come after the others."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

from harness.commands import end_with_parent
from harness.lifetime import Interrupted, Run
from harness.report import Report
from harness.secrecy import expect_all_kept

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent.parent / "build" / "test-results"
# Unless the scenario has one of its own.
TIME_LIMIT_SECONDS = 300
LOG_LINES = 25


def load(name: str) -> ModuleType:
    path = HERE / name / "scenario.py"
    specification = importlib.util.spec_from_file_location("scenario", path)
    if specification is None or not path.exists():
        raise SystemExit(f"no scenario {name}; there are: {' '.join(names())}")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def names() -> list[str]:
    return sorted(path.parent.name for path in HERE.glob("[0-9][0-9]-*/scenario.py"))


def play(name: str) -> int:
    scenario = load(name)
    report = Report(scenario.TITLE)
    signal.alarm(getattr(scenario, "TIME_LIMIT_SECONDS", TIME_LIMIT_SECONDS))
    try:
        with Run() as run:
            try:
                scenario.play(run, report)
            except Exception as error:
                report.expect("the scenario plays to its end", False, describe(error))
            expect_all_kept(report, run)
            if report.failed:
                show_logs(run, report)
            signal.alarm(0)
    except Interrupted as interruption:
        report.expect("the scenario plays to its end", False, str(interruption))
    report.write(RESULTS / f"scenario-{name}.xml", name)
    return report.close()


def describe(error: Exception) -> str:
    if isinstance(error, Interrupted):
        return "the time limit" if str(error) == signal.SIGALRM.name else f"interrupted by {error}"
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"


def show_logs(run: Run, report: Report) -> None:
    for log in run.logs():
        lines = log.read_text(errors="replace").splitlines()
        if lines:
            report.step(f"{log.relative_to(run.directory)}, its last lines")
            report.note("\n".join(lines[-LOG_LINES:]))


def play_each(wanted: list[str]) -> int:
    alone = [name for name in wanted if getattr(load(name), "ALONE", False)]
    beside_others = [name for name in wanted if name not in alone]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        held = list(pool.map(held_in_a_process, beside_others))
    held += map(held_in_a_process, alone)
    return 0 if all(held) else 1


def held_in_a_process(name: str) -> bool:
    """What it says is printed in one piece, once it has ended. It ends with this process, however that ends, and cleans up."""
    started = time.monotonic()
    played = subprocess.run(
        [sys.executable, __file__, name], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", preexec_fn=end_with_parent,
    )
    held = played.returncode == 0
    verdict = f"--- scenario {name}: {'ok' if held else 'FAILED'}, {time.monotonic() - started:.1f} s"
    print(f"--- scenario {name}\n{played.stdout}{verdict}", flush=True)
    return held


def main(wanted: list[str]) -> int:
    return play(wanted[0]) if len(wanted) == 1 else play_each(wanted or names())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
