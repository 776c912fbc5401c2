# SPDX-License-Identifier: Apache-2.0
"""Two trust domains that federate: see README.md beside this file."""

import json
import ssl
from pathlib import Path
from typing import Any, Optional

from harness import commands
from harness.commands import CommandFailed
from harness.configuration import authority_configuration, standalone_configuration
from harness.daemons import TRUST_DOMAIN, Daemon, binaries, spiffe_id
from harness.lifetime import Run
from harness.report import Report
from harness.tls import shake_hands
from harness.topology import TwoNodes
from harness.waiting import wait

TITLE = "Two trust domains federate: bundles are fetched, handed to whom they are for, and never merged"

PARTNER = "partner.example"
PORT = 8443
ENDPOINT = f"""
bundle-endpoint:
  port: {PORT}
"""
# Users without a name on this machine.
FEDERATED, OTHER = 54_101, 54_102
FAILED = "PSD2045"
PATIENCE_SECONDS = 15


def play(run: Run, report: Report) -> None:
    federation = Federation(run, report)
    federation.begin()
    federation.without_a_first_bundle()
    federation.fetched()
    federation.handshakes()
    federation.change()
    federation.failures()
    federation.end()
    federation.configured()


class Federation:
    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        self.net = TwoNodes(run)
        self.machine = self.net.add_node("node-c", 3)
        foreign = authority_configuration(run, self.net, self.machine).replace(
            f"trust-domain: {TRUST_DOMAIN}", f"trust-domain: {PARTNER}")
        self.own = Daemon(run, self.net.a, standalone_configuration(run, self.net) + ENDPOINT)
        self.partner = Daemon(run, self.machine, foreign + ENDPOINT)

    def begin(self) -> None:
        self.report.step("Two authorities of two trust domains")
        self.own.start()
        self.partner.start()
        self.relationship = (
            "--trust-domain", PARTNER, "--url", f"https://{self.machine.v4}:{PORT}/", "--profile", "https_spiffe",
            "--endpoint-spiffe-id",
        )
        self.endpoint_id = f"spiffe://{PARTNER}/podshield/authority/authority"

    def without_a_first_bundle(self) -> None:
        self.report.step("1. A relationship without a first bundle")
        self._expect_refused("an entry cannot federate with a stranger", "federates with", *self._entry(FEDERATED, "web"))
        self.own.psid("federation", "create", *self.relationship, self.endpoint_id)
        failure = wait(lambda: self._relationship().get("failure"), PATIENCE_SECONDS)
        self.report.expect("it says what is missing", "first one" in (failure or ""), failure)
        self.report.expect("so does the journal", FAILED in self.own.log)

    def fetched(self) -> None:
        self.report.step("2. With the bundle that the partner prints")
        file = self.run.directory / "partner.json"
        file.write_text(self.partner.psid("bundle", "show"))
        self.own.psid("federation", "update", *self.relationship, self.endpoint_id, "--bundle", str(file))
        well = wait(lambda: self._is_well(), PATIENCE_SECONDS)
        self.report.expect("it is fetched", well, self._relationship())
        self.own.psid(*self._entry(FEDERATED, "web"))
        self.own.psid("entry", "create", "--spiffe-id", spiffe_id("ns/shop/sa/other"), "--selector", f"unix:uid:{OTHER}")
        has = wait(lambda: len(self._federated(FEDERATED)) == 1, PATIENCE_SECONDS)
        self.report.expect("the workload has the partner's root", has, self._svids(FEDERATED))
        self.report.expect("another workload has not", wait(lambda: self._svids(OTHER)) and not self._federated(OTHER))
        own = self._svids(FEDERATED)["svids"][0]["bundle"]
        self.report.expect("the own bundle has one root, and not that", len(own) == 1 and own != self._federated(FEDERATED))

    def handshakes(self) -> None:
        self.report.step("3. A workload of each shake hands")
        web = self.run.directory / "web"
        self._ask(FEDERATED, "--out", str(web))
        db = self.run.directory / "db"
        self.partner.psid("x509", "mint", "--spiffe-id", f"spiffe://{PARTNER}/ns/shop/sa/db", "--out", str(db))
        theirs, ours = self.run.directory / "theirs.pem", self.run.directory / "ours.pem"
        theirs.write_text("".join(self._federated(FEDERATED)))
        ours.write_text(self.own.psid("bundle", "show", "--format", "pem"))
        seen = self._shake(db, web, (ours, theirs))
        self.report.expect("each by the other's bundle", seen is None, seen)
        for name, trusted in (("the server", (None, theirs)), ("the client", (ours, None))):
            seen = self._shake(db, web, trusted)
            self.report.expect(f"with its own bundle {name} refuses", seen is not None and "certificate" in seen, seen)

    def change(self) -> None:
        self.report.step("4. The partner has another CA")
        self.partner.psid("authority", "prepare")
        self.own.psid("federation", "refresh", "--trust-domain", PARTNER)
        both = wait(lambda: len(self._federated(FEDERATED)) == 2, PATIENCE_SECONDS)
        self.report.expect("the workload has both roots", both, len(self._federated(FEDERATED)))

    def failures(self) -> None:
        self.report.step("5. An endpoint that is another, and one that is away")
        self.own.psid("federation", "update", *self.relationship, f"spiffe://{PARTNER}/podshield/authority/other")
        failure = wait(lambda: self._relationship().get("failure"), PATIENCE_SECONDS)
        self.report.expect("another ID is refused", f"it is {self.endpoint_id}" in (failure or ""), failure)
        self.own.psid("federation", "update", *self.relationship, self.endpoint_id)
        self.report.expect("put right, it is fetched again", wait(self._is_well, PATIENCE_SECONDS))
        self.partner.stop()
        self._expect_refused("a refresh says that it is away", "cannot be reached", "federation", "refresh", "--trust-domain", PARTNER)
        self.report.expect("what is held stays", len(self._federated(FEDERATED)) == 2)

    def end(self) -> None:
        self.report.step("6. The end of it")
        self._expect_refused("a bundle stays while it is fetched", "delete that first", "bundle", "delete", "--trust-domain", PARTNER)
        self.own.psid("federation", "delete", "--trust-domain", PARTNER)
        self.own.psid("bundle", "delete", "--trust-domain", PARTNER)
        gone = wait(lambda: not self._federated(FEDERATED), PATIENCE_SECONDS)
        self.report.expect("the workload has its own roots alone", gone, self._svids(FEDERATED))

    def configured(self) -> None:
        self.report.step("7. The relationship is in the configuration")
        self.partner.start()
        file = self.run.directory / "partner.json"
        plain = self.own.configuration_file.read_text()
        self.own.configuration_file.write_text(plain + f"""
federation:
  relationships:
  - trust-domain: {PARTNER}
    url: "https://{self.machine.v4}:{PORT}/"
    endpoint-spiffe-id: "{self.endpoint_id}"
    bundle-file: {file}
""")
        self._restart()
        self.report.expect("its bundle is fetched from the start", wait(self._is_well, PATIENCE_SECONDS))
        has = wait(lambda: len(self._federated(FEDERATED)) == 2, PATIENCE_SECONDS)
        self.report.expect("and the workload has it", has, self._svids(FEDERATED))
        self._expect_refused(
            "no command changes it", "in this authority's configuration", "federation", "delete", "--trust-domain", PARTNER)
        self.own.configuration_file.write_text(plain)
        self._restart()
        self._expect_refused("it ends with the configuration", "nothing is held", "federation", "show", "--trust-domain", PARTNER)

    # Parts of the steps

    def _restart(self) -> None:
        self.own.stop()
        self.own.start()

    @staticmethod
    def _entry(user: int, account: str) -> tuple[str, ...]:
        return (
            "entry", "create", "--spiffe-id", spiffe_id(f"ns/shop/sa/{account}"), "--selector", f"unix:uid:{user}",
            "--federates-with", PARTNER,
        )

    def _relationship(self) -> dict[str, Any]:
        return self.own.ask("federation", "show", "--trust-domain", PARTNER)

    def _is_well(self) -> bool:
        seen = self._relationship()
        return "failure" not in seen and "refreshedAt" in seen

    def _ask(self, user: int, *arguments: str) -> str:
        """psid as that user, by the workloads' socket of node-a."""
        socket = f"unix:{self.run.directory / self.net.a.name / 'run/agent/api.sock'}"
        words = ("api", "fetch", "x509", "--endpoint", socket, *arguments)
        if "--out" in arguments:
            directory = Path(arguments[-1])
            directory.mkdir(mode=0o755)
            commands.run("chown", str(user), str(directory))
        # The run's directory lets nobody else through.
        through = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
        become = ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *through)
        return self.net.a.namespace.run(*become, str(binaries() / "psid"), *words)

    def _svids(self, user: int) -> Optional[dict[str, Any]]:
        try:
            return json.loads(self._ask(user, "-o", "json"))
        except CommandFailed:
            return None

    def _federated(self, user: int) -> list[str]:
        """The partner's roots, as the user's processes have them."""
        return ((self._svids(user) or {}).get("federatedBundles") or {}).get(f"spiffe://{PARTNER}", [])

    @staticmethod
    def _shake(server: Path, client: Path, trusted: tuple[Optional[Path], Optional[Path]]) -> Optional[str]:
        """Why it failed; nothing when it did not."""
        try:
            shake_hands(server, client, trusted)
        except ssl.SSLError as error:
            return str(error)
        return None

    def _expect_refused(self, what: str, because: str, *arguments: str) -> None:
        seen = self.own.refusal(*arguments) or "it was done"
        self.report.expect(what, because in seen, seen)
