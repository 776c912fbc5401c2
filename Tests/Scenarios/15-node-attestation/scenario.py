# SPDX-License-Identifier: Apache-2.0
"""Nodes that join without a token: see README.md beside this file."""

import secrets
import shutil
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any, Optional

sys.path.insert(0, str(Path(__file__).resolve().parent))

from cluster import Cluster  # noqa: E402
from machines import Machine, MachineCA  # noqa: E402

from harness import commands  # noqa: E402
from harness.configuration import authority_configuration, joining_configuration  # noqa: E402
from harness.daemons import Daemon, spiffe_id  # noqa: E402
from harness.lifetime import Run  # noqa: E402
from harness.report import Report  # noqa: E402
from harness.secrecy import STATE_KEY_FILE, expect_kept  # noqa: E402
from harness.topology import TwoNodes  # noqa: E402
from harness.waiting import wait  # noqa: E402

TITLE = "Nodes join by their machines' certificates and their cluster's tokens, again when they must, and nobody in their place"

PATIENCE_SECONDS = 15


def play(run: Run, report: Report) -> None:
    attestation = NodeAttestation(run, report)
    attestation.joins()
    attestation.joins_again()
    attestation.impostors()
    attestation.banned()
    attestation.evicted()
    attestation.in_a_cluster()
    attestation.cluster_away()


class NodeAttestation:
    """What the steps share: the authority, the CA of the machines, and the node."""

    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        self.net = TwoNodes(run)
        self.pods = 0
        self.machines = MachineCA(run, "machines")
        machine = self.net.add_node("node-c", 3)
        settings = f"""
x509pop:
  ca-file: {self.machines.root}
"""
        self.cluster = Cluster(run, machine)
        self.authority = Daemon(
            run, machine, authority_configuration(run, self.net, machine) + settings + self.cluster.settings)

    def joins(self) -> None:
        self.report.step("1. A node joins by its machine's certificate")
        self.authority.start()
        self.authority.psid("entry", "create", "--spiffe-id", spiffe_id("ns/shop/sa/db"), "--label", "app=db")
        # Of it only where the authority is and by which root it is known.
        self.invitation = self.authority.ask("token", "generate")
        self.own = self.machines.issue("node-b")
        self.node = Daemon(self.run, self.net.b, self._configuration(self.own))
        self.node.start()
        self._expect_issued("of a node without a token")
        self.first = self._record()
        shown = self.first["joinedBy"], len(self.first["joinedAs"])
        self.report.expect("psid node list says how it joined, and by which key", shown == ("x509pop", 64), self.first)
        expect_kept(self.report, self.run, self.node, f"the key in {self.own.key.name}", STATE_KEY_FILE)

    def joins_again(self) -> None:
        self.report.step("2. It loses its state")
        self._forget()
        self.node.start()
        number = self._record()["number"]
        self.report.expect("it is the same node", number == self.first["number"], number)
        self._expect_issued("of the node that came back")

    def impostors(self) -> None:
        self.report.step("3. Others in its place")
        foreign = MachineCA(self.run, "foreign")
        for what, machine, words in [
            ("a machine of the same name", self.machines.issue("node-b"), "joined in another way or by another key"),
            ("a machine of another CA", foreign.issue("node-b"), "no issuer of machines' certificates vouches for it"),
            ("a machine of another name", self.machines.issue("node-d"), "is for another name than"),
        ]:
            self._expect_refused(what, machine, words)
        self._use(self.own)
        self.node.start()
        self._expect_issued("of the node itself afterwards")

    def banned(self) -> None:
        self.report.step("4. It is banned")
        self.authority.psid("node", "ban", "node-b")
        shut_out = wait(lambda: "PSD3017" in self.node.log, PATIENCE_SECONDS)
        self.report.expect("it is shut out", bool(shut_out))
        self._expect_refused("its own certificate", self.own, "is banned")
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

    def in_a_cluster(self) -> None:
        self.report.step("6. Another node joins by a token of its cluster")
        self.token = self.run.directory / "projected-token"
        self.member = Daemon(
            self.run, self.net.a, joining_configuration(
                self.run, self.net, self.invitation, self.net.a, f"cluster-token-file: {self.token}"))
        for what, account, node, more, words in [
            ("a token of another service account", "web", "node-a", {}, "service account 'podshield:web' is none of those"),
            ("a token that has expired", "node", "node-a", {"lifetime": -1}, "Signature has expired"),
            ("a token for another audience", "node", "node-a", {"audience": "vault"}, "Audience doesn't match"),
            ("a token on no node", "node", "-", {}, "does not say on which node it is"),
            ("a token on another node", "node", "node-b", {}, "is for another name than"),
        ]:
            self.cluster.project(self.token, account, node, **more)
            self._expect_not_started(self.member, what, words)
        self.cluster.project(self.token, "node", "node-a")
        self.member.start()
        record = self._record("node-a")
        shown = record["joinedBy"], record["joinedAs"]
        self.report.expect("the right one lets it in", shown == ("k8s-psat", "uid-of-node-a"), record)
        expect_kept(self.report, self.run, self.member, "cluster-token-file")

    def cluster_away(self) -> None:
        self.report.step("7. The cluster's API is away")
        number = self._record("node-a")["number"]
        self._forget(self.member)
        self.cluster.stop()
        self.member.launch()
        waits = wait(lambda: self._refusals("does not answer"), PATIENCE_SECONDS)
        self.report.expect("the node waits for it, and the authority says why", bool(waits) and self.member.is_running)
        self.cluster.start()
        joined = wait(self.member.is_ready, PATIENCE_SECONDS)
        self.report.expect("it joins when the API is back", joined and self._record("node-a")["number"] == number)

    # The nodes

    def _configuration(self, machine: Machine) -> str:
        text = joining_configuration(self.run, self.net, self.invitation, self.net.b, *machine.join)
        key = self.run.directory / "state-key"
        key.touch(mode=0o600)
        key.write_text(b64encode(secrets.token_bytes(33)).decode())
        return text.replace("node:\n", f"node:\n  {STATE_KEY_FILE}: {key}\n")

    def _record(self, name: str = "node-b") -> Optional[dict[str, Any]]:
        nodes = self.authority.ask("node", "list")["nodes"]
        return next((node for node in nodes if node["name"] == name), None)

    def _joins(self) -> int:
        """How often the node has joined."""
        return sum("PSD2004" in line and "node-b" in line for line in self.authority.log.splitlines())

    def _forget(self, daemon: Optional[Daemon] = None) -> None:
        """Stops the node and takes its identity from it; its pods and pins stay."""
        daemon = daemon or self.node
        daemon.stop()
        shutil.rmtree(self.run.directory / daemon.node.name / "state/node")

    def _use(self, machine: Machine) -> None:
        """Configures the node, which is stopped for it and loses its identity, with another certificate."""
        self._forget()
        text = self.node.configuration_file.read_text()
        before, _, rest = text.partition("  certificate-file: ")
        after = rest.split("\n", 2)[2]
        lines = "".join(f"  {line}\n" for line in machine.join)
        self.node.configuration_file.write_text(before + lines + after)

    def _expect_refused(self, what: str, machine: Machine, words: str) -> None:
        self._use(machine)
        seen = self._expect_not_started(self.node, what, words)
        self.report.expect("and the node says so too", words in seen, seen)

    def _expect_not_started(self, daemon: Daemon, what: str, words: str) -> str:
        """The last that the daemon says."""
        # What an earlier one was refused for stands in the same journal.
        told = len(self.authority.log)
        seen = "it started"
        try:
            daemon.start()
        except RuntimeError:
            seen = daemon.log.strip().splitlines()[-1]
        refusals = self._refusals(words, told)
        self.report.expect(f"{what} does not let it in, and the authority says why", bool(refusals), refusals or seen)
        return seen

    def _refusals(self, words: str, after: int = 0) -> list[str]:
        return [line for line in self.authority.log[after:].splitlines() if "PSD2005" in line and words in line]

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
