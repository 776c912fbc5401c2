# SPDX-License-Identifier: Apache-2.0
"""Nodes that join by their TPMs: see README.md beside this file."""

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any, Optional

sys.path.insert(0, str(Path(__file__).resolve().parent))

from tpms import TPM, Issuer  # noqa: E402

from harness import commands  # noqa: E402
from harness.configuration import authority_configuration, joining_configuration  # noqa: E402
from harness.daemons import Daemon, spiffe_id  # noqa: E402
from harness.lifetime import Run  # noqa: E402
from harness.report import Report  # noqa: E402
from harness.topology import TwoNodes  # noqa: E402
from harness.waiting import wait  # noqa: E402

TITLE = "Nodes join by their TPMs, again when they must, and no other TPM in their place"

PATIENCE_SECONDS = 15
RENEWAL_SECONDS = 40
REGISTER = 14
KEY = re.compile(r"the SHA-256 of the key is ([0-9a-f]{64})")


def play(run: Run, report: Report) -> None:
    joining = JoiningByTPM(run, report)
    joining.joins()
    joining.joins_again()
    joining.impostors()
    joining.banned()
    joining.evicted()
    joining.changed()
    joining.certified()
    joining.renews()
    joining.gone()


class JoiningByTPM:
    """What the steps share: the authority, its list, the TPMs and the node."""

    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        self.net = TwoNodes(run)
        self.pods = 0
        machine = self.net.add_node("node-c", 3)
        self.own, self.other = TPM(run, self.net.b, "own"), TPM(run, self.net.b, "other")
        self.issuer = Issuer(run, "issuer")
        self.vouched = TPM(run, self.net.a, "certified", self.issuer, "node-a")
        self.keys = run.directory / "tpms"
        self.keys.write_text("# nodes and their TPMs\n")
        settings = f"""
tpm:
  keys-file: {self.keys}
  ca-file: {self.issuer.certificates}
  pcrs: ["{REGISTER}:{'0' * 64}"]
"""
        # Nodes renew at half of that.
        often = authority_configuration(run, self.net, machine).replace("authority:\n", "authority:\n  node-lifetime: 1m\n")
        self.authority = Daemon(run, machine, often + settings)

    def joins(self) -> None:
        self.report.step("1. A node joins by its TPM")
        self.authority.start()
        self.authority.psid("entry", "create", "--spiffe-id", spiffe_id("ns/shop/sa/db"), "--label", "app=db")
        # Of it only where the authority is and by which root it is known.
        self.invitation = self.authority.ask("token", "generate")
        self.own.start()
        self.node = Daemon(
            self.run, self.net.b, joining_configuration(self.run, self.net, self.invitation, self.net.b, self.own.join))
        refusal = self._expect_not_started(self.node, "a TPM that nobody knows", "its endorsement key is in no list")
        key = KEY.search(refusal)
        self.report.expect("and the node says which key it has", bool(key), refusal)
        with self.keys.open("a") as keys:
            keys.write(f"node-b {key[1]}\n")
        self.node.start()
        self._expect_issued("of a node without a token")
        self.first = self._record()
        shown = self.first["joinedBy"], self.first["joinedAs"]
        self.report.expect("psid node list says how it joined, and by which key", shown == ("tpm", key[1]), self.first)

    def joins_again(self) -> None:
        self.report.step("2. It loses its state")
        self._forget()
        self.node.start()
        number = self._record()["number"]
        self.report.expect("it is the same node", number == self.first["number"], number)
        self._expect_issued("of the node that came back")

    def impostors(self) -> None:
        self.report.step("3. Others in its place")
        self._forget()
        self._replace(self.own, self.other)
        seen = self._expect_not_started(self.node, "another TPM", "its endorsement key is in no list")
        other = KEY.search(seen)[1]
        with self.keys.open("a") as keys:
            keys.write(f"node-d {other}\n")
        self._expect_not_started(self.node, "the TPM of another node", "is for another name than")
        self._replace(self.other, self.own)
        self.node.start()
        self._expect_issued("of the node itself afterwards")

    def banned(self) -> None:
        self.report.step("4. It is banned")
        self.authority.psid("node", "ban", "node-b")
        shut_out = wait(lambda: "PSD3017" in self.node.log, PATIENCE_SECONDS)
        self.report.expect("it is shut out", bool(shut_out))
        self._forget()
        self._expect_not_started(self.node, "its own TPM", "is banned")
        self.authority.psid("node", "evict", "node-b")
        self.node.start()
        self._expect_issued("of the node that was evicted")

    def evicted(self) -> None:
        self.report.step("5. It is evicted while it runs")
        before = self._record()
        joined = self._joins()
        self.authority.psid("node", "evict", "node-b")
        back = wait(lambda: self._joins() == joined + 1 and self._record(), PATIENCE_SECONDS)
        same = bool(back) and back["number"] == before["number"]
        self.report.expect("it joins again by itself, under its number", same, back)
        self._expect_issued("of the node that joined by itself")
        self.report.expect("and that was once", self._joins() == joined + 1, self._joins())

    def changed(self) -> None:
        self.report.step("6. A register changes")
        self.own.extend(REGISTER)
        self._forget()
        self._expect_not_started(self.node, "a machine that runs something else", "do not have the values that they should")
        self._replace(self.own, self.own)
        self.node.start()
        self._expect_issued("of the node on a machine that was started anew")

    def certified(self) -> None:
        self.report.step("7. A TPM that was certified")
        member = Daemon(
            self.run, self.net.a, joining_configuration(
                self.run, self.net, self.invitation, self.net.a, self.vouched.join))
        foreign = TPM(self.run, self.net.a, "foreign", Issuer(self.run, "foreign"), "node-a")
        foreign.start()
        self._expect_not_started(member, "one that another issuer has certified", "no issuer of endorsement certificates vouches")
        self._replace(foreign, self.vouched)
        member.start()
        record = self._record("node-a")
        self.report.expect("the right one joins under the name of its certificate", record["joinedBy"] == "tpm", record)

    def renews(self) -> None:
        self.report.step("8. It renews")
        asked = self.authority.log.count("which has to answer when it renews")
        self._expect_renewed("by its TPM")
        again = self.authority.log.count("which has to answer when it renews")
        self.report.expect("without being told that it has to", again == asked, again - asked)
        self.own.stop()
        before = len(self.node.log)
        failed = wait(lambda: re.search("PSD3007.*the TPM: opening swtpm:.*", self.node.log[before:]), RENEWAL_SECONDS)
        self.report.expect("without its TPM it does not", bool(failed), failed and failed[0])
        self.own.start()
        self._expect_renewed("by its TPM, which is back")
        self._expect_issued("of the node that renews")
        self._expect_device_missed("psid doctor names a device that is missing, by which the node would have to renew", "PSD3007")

    def _expect_renewed(self, how: str) -> None:
        before = self.node.log.count("PSD3006")
        renewed = wait(lambda: self.node.log.count("PSD3006") > before, RENEWAL_SECONDS)
        self.report.expect(how, bool(renewed))

    def gone(self) -> None:
        self.report.step("9. The TPM is gone")
        self._forget()
        self.own.stop()
        seen = "it started"
        try:
            self.node.start()
        except RuntimeError:
            seen = self.node.log.strip().splitlines()[-1]
        self.report.expect("the node does not start, and says why", "the TPM: opening swtpm:" in seen, seen)
        self._expect_device_missed("psid doctor names a device that is missing", "PSD3002")

    # The nodes

    def _expect_device_missed(self, expected: str, code: str) -> None:
        """Of a configuration that psid doctor reads, and no daemon."""
        text = self.node.configuration_file.read_text()
        self.node.configuration_file.write_text(text.replace(self.own.join, "tpm: device:/dev/tpmrm9"))
        found = [finding["message"] for finding in self._findings() if finding["code"] == code]
        self.node.configuration_file.write_text(text)
        named = any("the TPM cannot be used" in message and "/dev/tpmrm9" in message for message in found)
        self.report.expect(expected, named, found)

    def _findings(self) -> list[dict[str, Any]]:
        """Of psid doctor, which ends with another status than 0 where something keeps the node from working."""
        try:
            found = self.node.psid("doctor", "-o", "json")
        except commands.CommandFailed as failure:
            found = failure.output
        return json.loads(found)["findings"]

    def _replace(self, before: TPM, after: TPM) -> None:
        before.stop()
        after.start()

    def _record(self, name: str = "node-b") -> Optional[dict[str, Any]]:
        nodes = self.authority.ask("node", "list")["nodes"]
        return next((node for node in nodes if node["name"] == name), None)

    def _joins(self) -> int:
        """How often the node has joined."""
        return sum("PSD2004" in line and "node-b" in line for line in self.authority.log.splitlines())

    def _forget(self) -> None:
        """Stops the node and takes its identity from it; its pods and pins stay."""
        self.node.stop()
        shutil.rmtree(self.run.directory / "node-b/state/node")

    def _expect_not_started(self, daemon: Daemon, what: str, words: str) -> str:
        """The last that the daemon says."""
        # What an earlier one was refused for stands in the same journal.
        told = len(self.authority.log)
        seen, started = "it started", True
        try:
            daemon.start()
        except RuntimeError:
            seen, started = daemon.log.strip().splitlines()[-1], False
        self.report.expect(f"a node with {what} does not start", not started, seen)
        refusals = [line for line in self.authority.log[told:].splitlines() if "PSD2005" in line and words in line]
        self.report.expect(f"{what} does not let it in, and the authority says why", bool(refusals), refusals or seen)
        return seen

    def _expect_issued(self, whose: str) -> None:
        issued = wait(self._is_issued, PATIENCE_SECONDS)
        self.report.expect(f"a pod {whose} gets its certificate", issued)

    def _is_issued(self) -> bool:
        """Whether a pod that is new gets a certificate."""
        self.pods += 1
        pod = self.net.add_pod(self.net.b, f"db-{self.pods}", 10 + self.pods)
        try:
            self.node.add_pod(pod, "db", "db")
        except commands.CommandFailed:
            return False
        shown = {entry["name"]: entry for entry in self.node.ask("pod", "list")["pods"]}
        return bool(shown.get(pod.name, {}).get("spiffeID"))
