# SPDX-License-Identifier: Apache-2.0
"""Nodes that are not let in, and one whose clock is wrong."""

import re
import shutil
import time
from pathlib import Path
from typing import Callable, Optional

from box import Box, expect_doctor_knows, start_until_end

from harness.clock import Clock
from harness.configuration import node_configuration
from harness.daemons import Daemon

# Two pods, few events at once.
SMALL = """
datapath:
  events-per-second: 1000000
tables:
  pods: 2
  event-ring: 65536
"""
CANNOT_JOIN = r"this node cannot join at 192\.0\.2\.11:7601: "
NOT_JOINED = "PSD3002"
AHEAD = re.compile(r"this machine's clock is (99|100|101|102) s ahead of the authority's")


def play(box: Box) -> Daemon:
    """node-b, which has joined in the end and runs."""
    joins = Joins(box)
    joins.refusals()
    joins.clocks()
    joins.used_token()
    return joins.b


class Joins:
    """node-b, which tries to join node-a."""

    def __init__(self, box: Box) -> None:
        self.box, self.report = box, box.report
        self.token = box.daemon.ask("token", "generate", "--node", "node-b")
        self.b = Daemon(box.run, box.net.b, node_configuration(box.run, box.net, self.token) + SMALL)
        self._good = self.b.configuration_file.read_text()

    def refusals(self) -> None:
        self.report.step("3. Joins that are refused")
        last = self.token["token"][-1]
        self._refused("an unknown token", f"{CANNOT_JOIN}the join token is not valid",
                      token=self.token["token"][:-1] + ("A" if last != "A" else "B"), journal="the join token is unknown")
        short = self.box.daemon.ask("token", "generate", "--node", "node-b", "--ttl", "1")["token"]
        time.sleep(2.1)
        self._refused("an expired token", f"{CANNOT_JOIN}the join token is not valid", token=short,
                      journal="the join token has expired")
        self._refused("another root", f"{CANNOT_JOIN}the authority's root has another fingerprint than the one "
                      "given: this may be an impostor", rootFingerprint="00" * 32)
        self._refused("a token in a file open to others", r".*/token is open to others.*",
                      change=lambda text: re.sub(r"token: \S+", f"token-file: {self._token_file()}", text))
        self._refused("no token", "this node has no identity and cannot join: the configuration has no join token",
                      change=lambda text: re.sub(r" *token: \S+\n", "", text))
        found = {finding["code"]: finding["message"] for finding in self.box.doctor()[1]}
        told = found.get("PSD2005", "")
        self.report.expect("psid doctor on the authority's machine knows of it", "was not let in: " in told, told or found)

    def clocks(self) -> None:
        self.report.step("4. A clock that is wrong")
        self._refused("a clock 100 s behind", r".*certificate \d is not yet valid: is this machine's clock right\?",
                      under=Clock(self.box.run, -100).prefix)
        self.b.start(*Clock(self.box.run, 100).prefix)
        self.report.expect("the token was not used up by any of that", self.b.ask("status")["ready"])
        findings = {finding["code"]: finding["message"] for finding in self.b.ask("status")["findings"]}
        self.report.expect("a clock 100 s ahead is found", bool(AHEAD.fullmatch(findings.get("PSD3016", ""))), findings)
        expect_doctor_knows(self.box, "PSD3016", "ahead of the authority's", self.b)
        self.b.stop()

    def used_token(self) -> None:
        node = self.box.run.directory / "node-b/state/node"
        node.rename(node.with_name("set-aside"))
        self._refused("a used token", f"{CANNOT_JOIN}the join token is not valid",
                      journal="the join token has been used")
        shutil.rmtree(node)
        node.with_name("set-aside").rename(node)
        self.b.start()
        self.report.expect("with its state back, the node needs none", self.b.ask("status")["ready"])

    def _refused(
        self, name: str, line: str, token: Optional[str] = None, rootFingerprint: Optional[str] = None,
        journal: str = "", change: Callable[[str], str] = lambda text: text, under: tuple[str, ...] = (),
    ) -> None:
        text = self._good.replace(self.token["token"], token or self.token["token"])
        text = change(text.replace(self.token["rootFingerprint"], rootFingerprint or self.token["rootFingerprint"]))
        self.b.configuration_file.write_text(text)
        told = len(self.box.daemon.log)
        status, lines = start_until_end(self.box.net.b, self.b.configuration_file, *under)
        holds = status == 1 and len(lines) == 1 and re.fullmatch(f"podshield-idd: {NOT_JOINED} {line}", lines[0])
        self.report.expect(f"{name}: status 1", bool(holds), f"{status}, {'; '.join(lines)}")
        if journal:
            self.report.expect(f"{name}: the authority says why", journal in self.box.daemon.log[told:], journal)
        status, findings = self.box.doctor(under=under, configuration=self.b.configuration_file)
        told = [finding["message"] for finding in findings if finding["code"] == NOT_JOINED and finding["remedy"]]
        self.report.expect(f"{name}: psid doctor knows why the daemon ended, and what to do", status == 2 and bool(told), told or findings)
        self.b.configuration_file.write_text(self._good)

    def _token_file(self) -> Path:
        path = self.box.run.directory / "node-b" / "token"
        path.write_text(self.token["token"])
        path.chmod(0o644)
        return path
