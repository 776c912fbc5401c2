# SPDX-License-Identifier: Apache-2.0
"""The main job between nodes that have IPv6 alone: see README.md beside this file."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "01-main-job"))

from main_job import A_PORT, B_PORT, MainJob  # noqa: E402

from harness.capture import Capture  # noqa: E402
from harness.daemons import ESP_PORT  # noqa: E402
from harness.lifetime import Run  # noqa: E402
from harness.packets import parse_headers  # noqa: E402
from harness.report import Report  # noqa: E402

TITLE = "The main job between nodes that have no IPv4 address"


def play(run: Run, report: Report) -> None:
    job = MainJob(run, report, underlay=6)
    with job.net.wire.tap(A_PORT) as tap:
        job.in_the_clear()
        job.identities()
        job.session()
        job.same_request_sealed()
        with Capture(run, job.net.wire.namespace, B_PORT) as capture:
            job.changes()
    seen = capture.examine(ESP_PORT, job.net.protected)
    report.expect(
        "a recording of the wire has them all, none twice and none in the clear",
        seen.sealed > 0 and seen.missed == 0 and not seen.repeats and seen.clear == 0,
        f"{seen.sealed} sealed packets under {seen.associations} SAs, {len(seen.repeats)} twice, {seen.clear} clear, {seen.missed} missed")
    nodes = (job.net.a.v4, job.net.b.v4)
    by_v4 = [headers for headers in map(parse_headers, tap.frames) if headers and {headers.source, headers.destination} & set(nodes)]
    report.expect("nothing went from node to node over IPv4", not by_v4, by_v4[:1] or None)
    job.attacks()
    job.removal()
