# SPDX-License-Identifier: Apache-2.0
"""The main job: see README.md beside this file."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from main_job import MainJob  # noqa: E402

from harness.lifetime import Run  # noqa: E402
from harness.report import Report  # noqa: E402

TITLE = "Podshield: two nodes, two pods, and somebody on the wire between them"


def play(run: Run, report: Report) -> None:
    job = MainJob(run, report)
    job.in_the_clear()
    job.identities()
    job.session()
    job.same_request_sealed()
    job.round_trip()
    job.changes()
    job.attacks()
    job.removal()
