# SPDX-License-Identifier: Apache-2.0
"""One CA follows another under traffic: see README.md beside this file."""

import sys
from pathlib import Path
from typing import Optional

sys.path.insert(0, str(Path(__file__).parent))

from authorities import NOTICE_SECONDS, Authorities, issuer  # noqa: E402
from forced import Forced  # noqa: E402
from load import Load  # noqa: E402
from tokens import TokenKeys  # noqa: E402

from harness import commands, workloads  # noqa: E402
from harness.configuration import node_configuration, standalone_configuration  # noqa: E402
from harness.daemons import Daemon, spiffe_id  # noqa: E402
from harness.lifetime import Run  # noqa: E402
from harness.report import Report  # noqa: E402
from harness.topology import TwoNodes  # noqa: E402
from harness.waiting import wait  # noqa: E402

# Every packet counts, and nobody else is to have the processors.
ALONE = True
TITLE = "One CA follows another, and the first is trusted no more, under traffic"

# A replacement counts once links between nodes have followed it.
REPLACEMENT_SECONDS = 40
REFUSALS = ("PSD4004", "PSD4005", "PSD3007", "PSD3009", "PSD3017")


def play(run: Run, report: Report) -> None:
    succession = Succession(run, report)
    succession.begin()
    succession.prepare()
    succession.activate()
    succession.taint()
    succession.revoke()
    succession.reckon()
    succession.restart()
    keys = TokenKeys(run, report, succession.a, succession.b)
    keys.leaked()
    keys.succeeded()
    forced = Forced(run, report, succession.net, succession.a, succession.b)
    forced.with_one_left()
    forced.at_once()


class Succession:
    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        self.net = TwoNodes(run)
        self.web = self.net.add_pod(self.net.a, "web-0", 10)
        self.db = self.net.add_pod(self.net.b, "db-0", 10)

    def begin(self) -> None:
        self.report.step("An authority on node-a, two nodes, two pods, traffic and handshakes")
        self.a = Daemon(self.run, self.net.a, standalone_configuration(self.run, self.net))
        self.a.start()
        token = self.a.ask("token", "generate", "--node", "node-b")
        self.b = Daemon(self.run, self.net.b, node_configuration(self.run, self.net, token))
        self.b.start()
        for daemon, pod, account in ((self.a, self.web, "web"), (self.b, self.db, "db")):
            self.a.psid("entry", "create", "--spiffe-id", spiffe_id(f"ns/shop/sa/{account}"), "--label", f"app={account}")
            daemon.add_pod(pod, account, account)
        self.report.expect("web-0 reaches db-0", wait(lambda: workloads.ping(self.web, self.db)))
        self.authorities = Authorities(self.a)
        self.first = self.authorities.fingerprints[0]
        self.begun = [(daemon, len(daemon.log)) for daemon in (self.a, self.b)]
        self.load = Load(self.run, self.net, ((self.a, "web-0"), (self.b, "db-0")))

    def prepare(self) -> None:
        self.report.step("1. The next CA is made")
        self.second = self.authorities.prepare()
        self.report.expect("both nodes trust both", wait(lambda: self._roots() == (2, 2)), self._roots())
        issuers = self._issuers()
        self.report.expect("certificates come from the first", issuers == {self.first}, issuers)
        self._expect_refused("it cannot be activated at once", "wait", "authority", "activate")

    def activate(self) -> None:
        self.report.step("2. It signs")
        self.report.expect("once every node knows of it", wait(self.authorities.is_activated, NOTICE_SECONDS))
        self.b.psid("issue", "--pod", "db-0", "--renew")
        issuers = self._issuers()
        self.report.expect("what is issued now is the second's, beside the first's", issuers == {self.first, self.second}, issuers)
        serving = [authority["fingerprint"] for authority in self.authorities.all if authority["serves"]]
        self.report.expect("the server stays under the first, which all nodes know", serving == [self.first], serving)

    def taint(self) -> None:
        self.report.step("3. What the first issued is replaced")
        self._expect_refused("the first cannot be revoked untainted", "tainted first", "authority", "revoke", self.first)
        self.a.psid("authority", "taint", self.first[:16])
        replaced = wait(lambda: self.authorities.in_use(self.first) == 0, REPLACEMENT_SECONDS)
        self.report.expect("half a minute later nothing of it is in use", replaced, self.authorities.all)
        issuers = self._issuers()
        self.report.expect("both pods have the second's", wait(lambda: self._issuers() == {self.second}), issuers)

    def revoke(self) -> None:
        self.report.step("4. The first is trusted no more")
        self.a.psid("authority", "revoke", self.first[:16])
        self.report.expect("one root is left on both nodes", wait(lambda: self._roots() == (1, 1)), self._roots())
        keys = sorted(path.name for path in Path(self.run.directory).glob("node-a/state/authority/ca*.key"))
        self.report.expect("its key is gone", keys == [f"ca-{self.second}.key"], keys)
        directory = self._issue(self.b, "db-0")
        seen = commands.run(
            "openssl", "verify", "-x509_strict", "-CAfile", str(directory / "bundle.pem"), str(directory / "svid.pem"))
        self.report.expect("openssl takes a certificate by it alone", seen.strip().endswith("OK"), seen.strip())

    def reckon(self) -> None:
        self.report.step("5. What became of the traffic")
        self.load.end(self.report)
        lines = [line for daemon, begun in self.begun for line in daemon.log[begun:].splitlines()]
        told = [line for line in lines if any(code in line for code in REFUSALS)]
        self.report.expect("no link was refused, no renewal failed", not told, told or None)

    def restart(self) -> None:
        self.report.step("6. Both start again")
        for daemon in (self.b, self.a):
            daemon.stop()
        self.a.start()
        self.b.start()
        self.report.expect("web-0 reaches db-0", wait(lambda: workloads.ping(self.web, self.db)))
        self.report.expect("one CA, the second", self.authorities.fingerprints == [self.second])
        self.b.psid("issue", "--pod", "db-0", "--renew")

    # Parts of the steps

    def _issue(self, daemon: Daemon, pod: str) -> Path:
        directory = self.run.directory / f"looked-at-{pod}"
        daemon.psid("issue", "--pod", pod, "--out", str(directory))
        return directory

    def _roots(self) -> tuple[int, ...]:
        """How many each node trusts."""
        directories = [self._issue(daemon, pod) for daemon, pod in ((self.a, "web-0"), (self.b, "db-0"))]
        return tuple((directory / "bundle.pem").read_text().count("BEGIN CERTIFICATE") for directory in directories)

    def _issuers(self) -> set[Optional[str]]:
        """Fingerprints of those that issued what the two pods have."""
        return {issuer(self._issue(daemon, pod)) for daemon, pod in ((self.a, "web-0"), (self.b, "db-0"))}

    def _expect_refused(self, what: str, because: str, *arguments: str) -> None:
        seen = self.a.refusal(*arguments) or "it was done"
        self.report.expect(what, because in seen, seen)
