# SPDX-License-Identifier: Apache-2.0
"""One CA follows another under traffic: see README.md beside this file."""

import sys
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import SHA256

sys.path.insert(0, str(Path(__file__).parent))

from handshakes import Handshakes  # noqa: E402
from tokens import TokenKeys  # noqa: E402

from harness import commands, workloads  # noqa: E402
from harness.configuration import node_configuration, standalone_configuration  # noqa: E402
from harness.daemons import Daemon, spiffe_id  # noqa: E402
from harness.lifetime import Run  # noqa: E402
from harness.report import Report  # noqa: E402
from harness.topology import TwoNodes  # noqa: E402
from harness.traffic import Traffic  # noqa: E402
from harness.waiting import wait  # noqa: E402

TITLE = "One CA follows another, and the first is trusted no more, under traffic"

TCP_RATE, UDP_RATE = 2_000_000, 500
# Longer than the notice that a CA is given.
NOTICE_SECONDS = 25
# A replacement counts once links between nodes have followed it.
REPLACEMENT_SECONDS = 40
REFUSALS = ("PSD4004", "PSD4005", "PSD3007", "PSD3009")


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
        self.first = self._authorities()[0]["fingerprint"]
        self.begun = [(daemon, len(daemon.log)) for daemon in (self.a, self.b)]
        self.traffic = Traffic(self.run, self.web, self.db, TCP_RATE, UDP_RATE)
        self.handshakes = Handshakes(self.run, ((self.a, "web-0"), (self.b, "db-0")))

    def prepare(self) -> None:
        self.report.step("1. The next CA is made")
        self.second = self.a.ask("authority", "prepare")["fingerprint"]
        self.report.expect("both nodes trust both", wait(lambda: self._roots() == (2, 2)), self._roots())
        issuers = self._issuers()
        self.report.expect("certificates come from the first", issuers == {self.first}, issuers)
        self._expect_refused("it cannot be activated at once", "wait", "authority", "activate")

    def activate(self) -> None:
        self.report.step("2. It signs")
        self.report.expect("once every node knows of it", wait(self._is_activated, NOTICE_SECONDS))
        self.b.psid("issue", "--pod", "db-0", "--renew")
        issuers = self._issuers()
        self.report.expect("what is issued now is the second's, beside the first's", issuers == {self.first, self.second}, issuers)
        serving = [authority["fingerprint"] for authority in self._authorities() if authority["serves"]]
        self.report.expect("the server stays under the first, which all nodes know", serving == [self.first], serving)

    def taint(self) -> None:
        self.report.step("3. What the first issued is replaced")
        self._expect_refused("the first cannot be revoked untainted", "tainted first", "authority", "revoke", self.first)
        self.a.psid("authority", "taint", self.first[:16])
        replaced = wait(lambda: self._authorities()[0]["inUse"] == 0, REPLACEMENT_SECONDS)
        self.report.expect("half a minute later nothing of it is in use", replaced, self._authorities())
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
        self.handshakes.stop()
        carried = self.traffic.stop()
        self.report.expect("the TCP connection of the whole time is whole", carried.tcp.is_whole, f"{carried.tcp.sent / 1e6:.0f} MB")
        for name, stream in carried.udp.items():
            self.report.expect(
                f"UDP {name}: nothing is lost, nothing comes twice",
                stream.lost == 0 and stream.repeated == 0 and stream.sent > 0, f"{stream.lost} of {stream.sent} lost")
        failures = self.handshakes.failures
        self.report.expect(
            "no handshake failed", self.handshakes.made > 50 and not failures, f"{self.handshakes.made} made; {failures[:3]}")
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
        self.report.expect("one CA, the second", [each["fingerprint"] for each in self._authorities()] == [self.second])
        self.b.psid("issue", "--pod", "db-0", "--renew")

    # Parts of the steps

    def _authorities(self) -> list[dict[str, Any]]:
        return self.a.ask("authority", "list")["authorities"]

    def _is_activated(self) -> bool:
        return self.a.refusal("authority", "activate") is None

    def _issue(self, daemon: Daemon, pod: str) -> Path:
        directory = self.run.directory / f"looked-at-{pod}"
        daemon.psid("issue", "--pod", pod, "--out", str(directory))
        return directory

    def _roots(self) -> tuple[int, ...]:
        """How many each node trusts."""
        directories = [self._issue(daemon, pod) for daemon, pod in ((self.a, "web-0"), (self.b, "db-0"))]
        return tuple((directory / "bundle.pem").read_text().count("BEGIN CERTIFICATE") for directory in directories)

    def _issuers(self) -> set[str]:
        """Fingerprints of those that issued what the two pods have; each is the one of the bundle whose signature it is."""
        return {self._issuer(self._issue(daemon, pod)) for daemon, pod in ((self.a, "web-0"), (self.b, "db-0"))}

    @staticmethod
    def _issuer(directory: Path) -> str:
        leaf = x509.load_pem_x509_certificates((directory / "svid.pem").read_bytes())[0]
        for root in x509.load_pem_x509_certificates((directory / "bundle.pem").read_bytes()):
            try:
                leaf.verify_directly_issued_by(root)
                return root.fingerprint(SHA256()).hex()
            except InvalidSignature:
                continue
        return "none"

    def _expect_refused(self, what: str, because: str, *arguments: str) -> None:
        seen = self.a.refusal(*arguments) or "it was done"
        self.report.expect(what, because in seen, seen)
