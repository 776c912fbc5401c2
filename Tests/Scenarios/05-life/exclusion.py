# SPDX-License-Identifier: Apache-2.0
"""A node is banned, and evicted: the others let go of it, and it of its own pods."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

from harness import workloads
from harness.kernel_map import Holders
from harness.streams import DatagramStream
from harness.waiting import wait

if TYPE_CHECKING:
    from scenario import Life

PORT, RATE = 7006, 1000
SHUT_OUT = "PSD3017"


def shut_out(life: Life) -> None:
    life.report.step("15. node-b is banned, and evicted")
    holders = Holders(life.run, life.net.a)
    stream = DatagramStream(life.run, life.cache, life.web, 4, PORT, RATE)
    time.sleep(0.5)
    with holders.history(life.cache.v4) as held:
        begin = time.monotonic_ns()
        life.authority.psid("node", "ban", "node-b")
        wait(lambda: held[-1].holder is None)
        time.sleep(1)
    seen = stream.stop()
    life.report.expect("node-a's kernel lets go of what node-b hosts", [change.holder for change in held[1:]] == [None], held)
    life.report.expect(
        "its packets reach nobody any more", 0 < seen.received < seen.sent,
        f"the last one came {(seen.last_arrival - begin) / 1e6:.0f} ms after psid was started",
    )
    show = life.a.ask("datapath", "show")
    kept = {part: show[part] for part in ("associations", "peers", "remotes") if show[part]}
    life.report.expect("node-a's kernel has no key, peer or address of it", not kept, kept or None)
    listed = {node["name"]: node["isBanned"] for node in life.authority.ask("node", "list")["nodes"]}
    life.report.expect("the authority lists it as banned", listed == {"node-a": False, "node-b": True}, listed)
    expect_shut_out(life, "banned")
    join_again(life, expected=False)
    life.authority.psid("node", "evict", "node-b")
    join_again(life, expected=True)
    life.report.expect("and its pod can be reached", wait(lambda: workloads.ping(life.web, life.cache)))
    life.authority.psid("node", "evict", "node-b")
    expect_shut_out(life, "evicted while it runs")


def expect_shut_out(life: Life, how: str) -> None:
    """node-b itself knows, says what to do, and lets nothing of its pods pass."""
    found = wait(lambda: life.b.finding(SHUT_OUT))
    seen = found and f"{found['message']}: {found['remedy']}"
    life.report.expect(f"{how}, node-b knows it and what to do", bool(found), seen)
    before = life.b.drops().get("no-identity", 0)
    answers = workloads.ping(life.cache, life.web)
    dropped = life.b.drops().get("no-identity", 0) - before
    life.report.expect("its own kernel drops what its pod sends", dropped > 0 and not answers, f"{dropped} packets")


def join_again(life: Life, expected: bool) -> None:
    token = life.authority.ask("token", "generate", "--node", "node-b")
    lines = life.b.configuration_file.read_text().splitlines()
    life.configure(life.b, next(line for line in lines if line.startswith("  token: ")), f"  token: {token['token']}")
    life.b.stop()
    subprocess.run(["rm", "-rf", str(life.run.directory / "node-b/state/node")], check=True)
    try:
        life.b.start()
        joined, seen = True, "it is ready"
    except (RuntimeError, TimeoutError):
        joined, seen = False, life.b.log.splitlines()[-1]
    name = "evicted, it joins with a new token" if expected else "banned, it does not join with a new token"
    life.report.expect(name, joined == expected, seen)
