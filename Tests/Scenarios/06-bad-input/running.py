# SPDX-License-Identifier: Apache-2.0
"""What goes wrong while daemons run: peers that stop, pods that vanish, tables, disks and rings that fill."""

import contextlib
import json
import re
import signal
import time
from pathlib import Path
from typing import Optional

from box import Box, expect_doctor_knows

from harness.daemons import Daemon, spiffe_id
from harness.waiting import wait

HANDSHAKE_SECONDS = 12
PATIENCE_SECONDS = 10
FLOOD = 4000
# In the prefix of node-a, and of nobody.
UNKNOWN = "10.42.1.200"
FLOOD_PROGRAM = f"""
import socket
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range({FLOOD}):
    try: sender.sendto(b"x", ("{UNKNOWN}", 9))
    except OSError: pass
"""


class Running:
    """node-a and node-b, both running, node-b with tables for two pods and a small ring."""

    def __init__(self, box: Box, b: Daemon) -> None:
        self.box, self.report, self.a, self.b = box, box.report, box.daemon, b

    def frozen(self) -> None:
        self.report.step("7. A peer that answers no more")
        self.b.tell(signal.SIGSTOP)
        try:
            self.a.stop()
            self.a.start()
            found = wait(lambda: self.finding("PSD4004"), HANDSHAKE_SECONDS)
            self.report.expect("node-a says that there is no link, and why", bool(found), found)
            expect_doctor_knows(self.box, "PSD4004", "there is no link with node-b", self.a)
        finally:
            self.b.tell(signal.SIGCONT)
        there = wait(lambda: [peer["state"] for peer in self.a.ask("peers")["peers"]] == ["established"], 20)
        self.report.expect("once it answers there is one", bool(there))

    def vanished(self) -> None:
        self.report.step("8. A pod's interface that vanishes, and a pod's namespace")
        for name, host, vanish in (
            ("unplugged-0", 66, lambda namespace: namespace.ip("link", "delete", "eth0")),
            ("gone-0", 68, lambda namespace: namespace.delete()),
        ):
            pod = self.box.net.add_pod(self.box.net.a, name, host)
            self.a.add_pod(pod, "web", "web")
            vanish(pod.namespace)
            gone = wait(lambda: f"PSD5016 pod shop/{name} is no longer there" in self.a.log, PATIENCE_SECONDS)
            names = [pod["name"] for pod in self.a.ask("pod", "list")["pods"]]
            self.report.expect(f"{name} is forgotten, with a line; the others are not", gone and names == ["web-0"], names)
            expect_doctor_knows(self.box, "PSD5016", f"pod shop/{name} is no longer there", self.a)

    def full_tables(self) -> None:
        self.report.step("9. Tables that are full")
        identity = spiffe_id("ns/shop/sa/db")
        self.a.psid("entry", "create", "--spiffe-id", identity, "--node", "node-b", "--label", "app=db")
        pods = [self.box.net.add_pod(self.box.net.b, f"db-{number}", 20 + number) for number in range(3)]
        for pod in pods[:2]:
            self.b.add_pod(pod, "db", "db")
        status, _, messages = self.box.psid(
            "pod", "add", "db-2", "--namespace", "shop", "--netns", str(pods[2].namespace.path), of=self.b)
        holds = status == 1 and "is full" in messages and messages.count("\n") == 1
        self.report.expect("a third pod where there is room for two: status 1", holds, messages.strip())
        names = sorted(pod["name"] for pod in self.b.ask("pod", "list")["pods"])
        self.report.expect("the two are still there", names == ["db-0", "db-1"], names)
        found = self.finding("PSD5018", self.b)
        self.report.expect("psid status says that the table is full", bool(found), found)
        expect_doctor_knows(self.box, "PSD5018", "is full", self.b)

    def full_ring(self) -> None:
        self.report.step("10. A ring that overruns")
        pod = self.box.net.b.pods["db-0"]
        before = self.counted()
        self.b.tell(signal.SIGSTOP)
        try:
            pod.namespace.run("/usr/bin/python3", "-c", FLOOD_PROGRAM)
        finally:
            self.b.tell(signal.SIGCONT)
        lost = wait(lambda: "PSD5011" in self.b.log, 15)
        line = next((line for line in self.b.log.splitlines() if "PSD5011" in line), None)
        self.report.expect("lost events are counted and said", lost, line)
        self.report.expect("counters miss nothing", self.counted() - before == FLOOD, f"{self.counted() - before} of {FLOOD}")

    def full_disk(self) -> None:
        self.report.step("11. A disk that is full")
        filler = self.box.state / "filler"
        identity = self.box.identity()
        try:
            _fill(filler)
            for name, arguments in (
                ("a token", ("token", "generate")),
                ("an entry", ("entry", "create", "--spiffe-id", "spiffe://example.org/x", "--pod", "x")),
            ):
                self._until_full(name, arguments)
            late = self.box.net.add_pod(self.box.net.a, "late-0", 67)
            status, _, messages = self.box.psid(
                "pod", "add", "late-0", "--namespace", "shop", "--netns", str(late.namespace.path))
            holds = status == 1 and "No space left on device" in messages and messages.count("\n") == 1
            self.report.expect("a pod: status 1", holds, f"{status}, {messages.strip()}")
            found = self.box.doctor()
            told = [finding["message"] for finding in found[1] if finding["code"] == "PSD6010"]
            self.report.expect("psid doctor finds it", found[0] == 2 and bool(told), told or found)
            self.a.stop()
            # The registry gave its log's room back.
            _fill(filler)
            status, lines = self.box.try_start()
            holds = status == 1 and len(lines) == 1 and re.search("PSD6010 .*no space left", lines[0])
            self.report.expect("a start without room: status 1", bool(holds), f"{status}, {lines}")
        finally:
            filler.unlink()
        self.a.start()
        self.report.expect("with room again all is as it was", self.box.identity() == identity)
        self.report.expect("and a token can be had", self.box.psid("token", "generate")[0] == 0)
        # Many counts after those that were lost.
        expect_doctor_knows(self.box, "PSD5011", "events of the kernel programs", self.b)

    def _until_full(self, name: str, arguments: tuple[str, ...]) -> None:
        """Asks until there is no room: the registry's journal has some of its own."""
        for _ in range(300):
            status, _, messages = self.box.psid(*arguments)
            if status != 0:
                break
        holds = status == 1 and "no space left" in messages and messages.count("\n") == 1
        self.report.expect(f"{name}: status 1", holds, f"{status}, {messages.strip()}")

    # Parts of the steps

    def finding(self, code: str, daemon: Optional[Daemon] = None) -> Optional[str]:
        _, output, _ = self.box.psid("status", "-o", "json", of=daemon)
        findings = json.loads(output)["findings"] if output else []
        return next((finding["message"] for finding in findings if finding["code"] == code), None)

    def counted(self) -> int:
        return self.b.drops().get("unknown-destination", 0)



def _fill(path: Path) -> None:
    """Leaves not a block."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 16, 256):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass
