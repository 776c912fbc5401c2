# SPDX-License-Identifier: Apache-2.0
"""An authority below another: see README.md beside this file."""

import json
import sys
import time
from pathlib import Path
from typing import Any

from harness import commands
from harness.clock import Clock
from harness.configuration import authority_configuration, node_configuration, standalone_configuration
from harness.daemons import TRUST_DOMAIN, Daemon, binaries, spiffe_id
from harness.lifetime import Run
from harness.report import Report
from harness.topology import Node, TwoNodes
from harness.waiting import wait

TITLE = "An authority below another Podshield, or below SPIRE, has its CAs signed by the Workload API's leave"

HERE = Path(__file__).parent
PATIENCE_SECONDS = 15
# Longer than between two looks at the schedule of the CAs.
LOOK_SECONDS = 45
HOUR = 3600
PORT, SPIRE_PORT = 8081, 18_081
SERVER = spiffe_id("spire/server")


def play(run: Run, report: Report) -> None:
    nested = Nested(run, report)
    nested.refused()
    nested.first()
    nested.shared()
    nested.as_spire_below()
    nested.rotated()
    nested.gone()
    nested.revoked()
    nested.below_spire()


class Nested:
    """Above: node-a, authority and node in one. On node-b's machine: node-b, a node of that, and the authority below, of which node-c is."""

    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        self.net = TwoNodes(run)
        self.clock, self.offset = Clock(run), 0
        # SVIDs above outlive the hours that the clock is set ahead.
        self.above = Daemon(run, self.net.a, standalone_configuration(run, self.net) + f"""
authority:
  node-lifetime: 10d
  workload-lifetime: 10d

downstream:
  port: {PORT}
  jwt-keys: true
""")
        self.machine = Node("below", 2, self.net.b.namespace)
        self.socket = run.directory / "node-b/run/agent/api.sock"
        self.below = Daemon(run, self.machine, self._configuration(self.machine, f"{self.net.a.v4}:{PORT}", self.socket))

    def refused(self) -> None:
        self.report.step("1. Without the leave of the authority above there is no CA")
        self.above.start(*self.clock.prefix)
        listening = wait(lambda: "PSD2062" in self.above.log, PATIENCE_SECONDS)
        self.report.expect("the authority above says where it signs", bool(listening))
        self._expect_start_refused(self.below, "no Workload API", str(self.socket))
        token = self.above.ask("token", "generate", "--node", "node-b")
        self.b = Daemon(self.run, self.net.b, node_configuration(self.run, self.net, token))
        self.b.start(*self.clock.prefix)
        self._expect_start_refused(self.below, "no entry", "no identity is registered for this process")
        self.fields = fields = ("--spiffe-id", spiffe_id("authority-below"), "--node", "node-b", "--selector", "unix:uid:0")
        self.entry = self.above.ask("entry", "create", *fields)["id"]
        wait(self._knows_itself, PATIENCE_SECONDS)
        self._expect_start_refused(self.below, "an entry that does not say --downstream", "is not a downstream authority")
        said = [line for line in self.above.log.splitlines() if "PSD2064" in line]
        self.report.expect("PSD2064 above says who asked", any("authority-below" in line for line in said), said)
        self.above.psid("entry", "update", self.entry, *fields, "-downstream")
        shown = self.above.ask("entry", "show", self.entry)
        self.report.expect("the entry says it now, by SPIRE's flag", shown.get("downstream") is True, shown)

    def first(self) -> None:
        self.report.step("2. A CA is signed, and what it issues is verified by the root above")
        self.below.start(*self.clock.prefix)
        token = self.below.ask("token", "generate", "--node", "node-c")
        self.root = self.run.directory / "root.pem"
        chain = (self.run.directory / "node-a/state/authority/ca.pem").read_text()
        self.root.write_text(chain)
        self.report.expect("nodes are told the fingerprint of the root above", token["rootFingerprint"] == self._fingerprint(self.root))
        certificate = self.run.directory / "below/state/authority/ca.pem"
        seen = commands.run(
            "openssl", "x509", "-in", str(certificate), "-noout", "-ext", "subjectAltName,basicConstraints,keyUsage")
        holds = all(words in seen for words in (f"URI:spiffe://{TRUST_DOMAIN}\n", "CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign"))
        self.report.expect("it is for the trust domain, and for nothing below", holds, seen)
        told = [line for line in self.above.log.splitlines() if "PSD2063" in line]
        self.report.expect("PSD2063 above says to whom", len(told) == 1 and spiffe_id("authority-below") in told[0], told)
        self.serial = commands.run("openssl", "x509", "-in", str(certificate), "-noout", "-serial").strip().partition("=")[2].lower()
        for daemon in (self.above, self.below):
            daemon.psid("entry", "create", "--spiffe-id", spiffe_id("ns/shop/sa/db"), "--namespace", "shop", "--label", "app=db")
        self._join("node-c", 3, token)
        self.first_svid = self._expect_verified("of the first CA")

    def shared(self) -> None:
        self.report.step("3. Whom one of them trusts the other trusts")
        above, below = (daemon.ask("authority", "jwt", "list")["keys"][0]["keyID"] for daemon in (self.above, self.below))

        def both() -> bool:
            return all(key in daemon.psid("bundle", "show") for key in (above, below) for daemon in (self.above, self.below))

        self.report.expect("keys for JWT-SVIDs of both are in both bundles", bool(wait(both, LOOK_SECONDS)))
        told = [line for line in self.above.log.splitlines() if "PSD2067" in line]
        self.report.expect("PSD2067 above names the one from below", len(told) == 1 and below in told[0], told)
        token = self.below.psid("jwt", "mint", "--spiffe-id", spiffe_id("of-below"), "--audience", "db").strip()
        self.report.expect("a node above takes a token of the authority below", bool(wait(lambda: self._takes(token), PATIENCE_SECONDS)))
        prepared = self.above.ask("authority", "prepare")["fingerprint"]
        begun = time.monotonic()
        seen = wait(lambda: self._roots(self.below) == 2, PATIENCE_SECONDS)
        self.report.expect(
            "a root that is prepared above is trusted below before it may sign", bool(seen), f"{time.monotonic() - begun:.1f} s")
        said = [line for line in self.below.log.splitlines() if "PSD2068" in line]
        self.report.expect("PSD2068 below names it", any(prepared in line for line in said), said)
        states = [each["state"] for each in self._authorities()]
        self.report.expect("no CA below is changed for that", states == ["active"], states)
        self.above.psid("authority", "revoke", prepared)
        self.report.expect("and not once it is named no more", bool(wait(lambda: self._roots(self.below) == 1, PATIENCE_SECONDS)))

    @staticmethod
    def _roots(daemon: Daemon) -> int:
        return daemon.psid("bundle", "show", "--format", "pem").count("BEGIN CERTIFICATE")

    def as_spire_below(self) -> None:
        self.report.step("4. A CA asked for with grpcio, as a server of SPIRE asks for its own")
        log = self.run.directory / "downstream.log"
        with log.open("wb") as output:
            process = self.net.b.namespace.spawn(
                sys.executable, str(HERE / "downstream.py"), str(self.socket), f"ipv4:{self.net.a.v4}:{PORT}", SERVER, log=output)
        process.wait(timeout=60)
        told = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        answers = {each["asked"]: each for each in told}
        own = answers.get("own", {})
        good = own.get("status") == "OK" and own["ca"] and own["path"] == 0 and own["own"] and own["roots"]
        self.report.expect("it gets a CA for its own key, and the roots", good, log.read_text()[-1500:])
        self.report.expect("for as long as it asked", own.get("seconds") == HOUR + 10 and own["uris"] == [f"spiffe://{TRUST_DOMAIN}"], own)
        told = answers.get("GetBundle", {})
        good = told.get("domain") == TRUST_DOMAIN and told["roots"] and told["keys"] == 2 and not told["tainted"] and told["sequence"]
        self.report.expect("it is told the bundle", bool(good), told)
        self._expect_key_published(answers)
        answers = {asked: each for asked, each in answers.items() if each.get("status") not in (None, "OK")}
        statuses = {asked: each["status"] for asked, each in answers.items()}
        wanted = {
            "too long": "INVALID_ARGUMENT", "spire.api.server.bundle.v1.Bundle/AppendBundle": "UNIMPLEMENTED",
            "other": "INVALID_ARGUMENT", "none": "INVALID_ARGUMENT", "spire.api.server.svid.v1.SVID/MintX509SVID": "UNIMPLEMENTED",
            "spire.api.server.entry.v1.Entry/ListEntries": "UNIMPLEMENTED",
        }
        self.report.expect("for another trust domain or nonsense none, and other methods are not there", statuses == wanted, statuses)

    def _expect_key_published(self, answers: dict[str, Any]) -> None:
        first, again = answers.get("PublishJWTAuthority", {}), answers.get("once more", {})
        good = first.get("status") == "OK" and first["there"] and first["polled"] and first["keys"] == again.get("keys") == 3
        self.report.expect("its key for JWT-SVIDs is published, and again without an error", bool(good), [first, again])
        said = [line for line in self.above.log.splitlines() if "PSD2067" in line and first.get("key", "-") in line]
        self.report.expect("PSD2067 above says whose it is, once", len(said) == 1, said)
        token = first.get("token", "none")
        self.report.expect("a node above takes a token that it signs", bool(wait(lambda: self._takes(token), PATIENCE_SECONDS)))
        document = self.above.psid("bundle", "show")
        self.report.expect("and the bundle shows it", first.get("key", "-") in document, document)
        self.above.psid("entry", "update", self.entry, *self.fields)
        self.report.expect("not once its entry says --downstream no more", bool(wait(lambda: not self._takes(token), PATIENCE_SECONDS)))
        self.above.psid("entry", "update", self.entry, *self.fields, "-downstream")

    def _takes(self, token: str) -> bool:
        return self.net.b.namespace.succeeds(
            str(binaries() / "psid"), "api", "validate", "jwt", "--endpoint", f"unix://{self.socket}", "--audience", "db", "--svid", token)

    def rotated(self) -> None:
        self.report.step("5. One CA follows another by itself")
        first = self._authorities()[0]["fingerprint"]
        self.node.stop()
        self._go_ahead(13 * HOUR)
        self._expect_states("at half of its life the next is signed", ["active", "prepared"])
        self._go_ahead(8 * HOUR)
        self._expect_states("with a sixth left it signs", ["retired", "active"])
        followed = [each["fingerprint"] for each in self._authorities()]
        self.report.expect("the one before is the first", followed[0] == first and followed[1] != first, followed)
        self._join("node-d", 4, self.below.ask("token", "generate", "--node", "node-d"))
        self._expect_verified("of the CA that followed")

    def gone(self) -> None:
        self.report.step("6. The authority above is gone")
        self.above.stop()
        self.below.stop()
        begun = len(self.below.log)
        self.below.start(*self.clock.prefix)
        said = wait(lambda: [line for line in self.below.log[begun:].splitlines() if "PSD2042" in line], PATIENCE_SECONDS)
        self.report.expect("the one below starts, and PSD2042 says what it misses", bool(said))
        self.report.expect("in words that name the section", all("upstream-spire" in line for line in said or [""]), said)
        back = wait(lambda: self.node.reaches_authority, PATIENCE_SECONDS)
        self.report.expect("its node is back", bool(back))
        self._expect_verified("from the authority that is alone")
        self.above.start(*self.clock.prefix)

    def revoked(self) -> None:
        self.report.step("7. The CA is taken back above")
        self.above.psid("revoke", "--serial", self.serial, "--reason", "key-compromise")
        lists = self.run.directory / "lists.pem"
        lists.write_text(self.above.psid("revoke", "crl"))
        both = self.run.directory / "both.pem"
        both.write_text(self.root.read_text())
        certificate = self.run.directory / "first-ca.pem"
        certificate.write_text(self.first_svid.read_text().split("-----END CERTIFICATE-----\n", 1)[1])
        moment = str(int(time.time()) + self.offset)
        try:
            seen = commands.run(
                "openssl", "verify", "-crl_check", "-attime", moment, "-CRLfile", str(lists), "-CAfile", str(both), str(certificate))
        except commands.CommandFailed as failure:
            seen = failure.output
        self.report.expect("openssl refuses it by the list above", "certificate revoked" in seen, seen)

    def below_spire(self) -> None:
        self.report.step("8. Below a server of SPIRE, played by grpcio")
        directory = self.run.directory / "spire"
        directory.mkdir()
        log = directory / "server.log"
        with log.open("wb") as output:
            process = self.net.b.namespace.spawn(
                sys.executable, str(HERE / "server.py"), str(directory), str(SPIRE_PORT), TRUST_DOMAIN, log=output)
        self.run.at_end(commands.kill_session, process)
        wait(lambda: "ready" in log.read_text(), PATIENCE_SECONDS)
        machine = Node("beside", 5, self.net.b.namespace)
        self.net.b.namespace.ip("address", "add", f"{machine.v4}/24", "dev", self.net.b.uplink)
        daemon = Daemon(self.run, machine, self._configuration(machine, f"127.0.0.1:{SPIRE_PORT}", directory / "agent.sock"))
        wrong = directory / "wrong"
        for fault, words in (
            ("refuses", "does not let the daemon have a CA"), ("another key", "not for the key that was shown"),
            ("another trust domain", "it belongs to trust domain other.example"), ("too many", "more certificates than a chain may have"),
            ("too long", "the configured maximum payload size"),
        ):
            wrong.write_text(fault)
            self._expect_start_refused(daemon, f"it {fault if fault == 'refuses' else 'answers with ' + fault}", words)
        wrong.unlink()
        daemon.start()
        chain = (self.run.directory / "beside/state/authority/ca.pem")
        seen = commands.run("openssl", "x509", "-in", str(chain), "-noout", "-subject", "-ext", "basicConstraints")
        self.report.expect("its CA is as SPIRE makes them", "DOWNSTREAM-1" in seen and "pathlen" not in seen, seen)
        svid = self.run.directory / "minted"
        daemon.psid("x509", "mint", "--spiffe-id", spiffe_id("somebody"), "--out", str(svid))
        self._expect_openssl("what it issues is verified by SPIRE's root", directory / "root.pem", svid / "svid.pem", int(time.time()))
        self.report.expect("it tells no keys, and that is no trouble", "PSD2069" not in daemon.log, daemon.log[-500:])
        asked = log.read_text()
        self.report.expect("the server has seen the SVID of its agent's", f"asked by {spiffe_id('below')}, well" in asked, asked[-500:])

    # Parts of the steps

    def _configuration(self, machine: Node, server: str, socket: Path) -> str:
        common = authority_configuration(self.run, self.net, machine).replace(
            "authority:\n", f"authority:\n  name: {machine.name}\n  ca-lifetime: 24h\n  node-lifetime: 4h\n")
        return common + f"""
upstream-spire:
  server: {server}
  workload-socket: {socket}
  jwt-keys: true
"""

    def _knows_itself(self) -> bool:
        return self.net.b.namespace.succeeds(
            str(binaries() / "psid"), "api", "fetch", "x509", "--endpoint", f"unix://{self.socket}")

    def _expect_start_refused(self, daemon: Daemon, what: str, words: str) -> None:
        command = (str(binaries() / "podshield-idd"), "--config", str(daemon.configuration_file))
        seen, line = 0, "it started"
        try:
            daemon.node.namespace.run(*command)
        except commands.CommandFailed as failure:
            # The first line is that it starts.
            seen, line = failure.status, failure.output.strip().partition("\n")[2]
        holds = seen == 1 and "PSD2030" in line and "upstream-spire" in line and words in line and "\n" not in line and "\x1b" not in line
        self.report.expect(f"{what}: status 1 and one line that says so", holds, f"{seen}: {line}")

    def _join(self, name: str, index: int, token: dict[str, Any]) -> None:
        machine = self.net.add_node(name, index)
        self.node = Daemon(self.run, machine, node_configuration(self.run, self.net, token, machine))
        self.node.start(*self.clock.prefix)
        self.pods = 0

    def _go_ahead(self, seconds: int) -> None:
        self.offset += seconds
        self.clock.step(self.offset)

    def _authorities(self) -> list[dict[str, Any]]:
        return self.below.ask("authority", "list")["authorities"]

    def _expect_states(self, what: str, states: list[str]) -> None:
        def seen() -> list[str]:
            return [each["state"] for each in self._authorities()]

        self.report.expect(what, bool(wait(lambda: seen()[:2] == states, LOOK_SECONDS)), seen())

    @staticmethod
    def _fingerprint(certificate: Path) -> str:
        shown = commands.run("openssl", "x509", "-in", str(certificate), "-noout", "-fingerprint", "-sha256")
        return shown.strip().partition("=")[2].replace(":", "").lower()

    def _expect_verified(self, how: str) -> Path:
        """A pod that is new gets a certificate that whoever knows the root above alone can verify."""
        self.pods += 1
        pod = self.net.add_pod(self.node.node, f"db-{self.node.node.index}-{self.pods}", 10 + self.pods)
        self.node.add_pod(pod, "db", "db")
        directory = self.run.directory / f"svid-{pod.name}"
        self.node.psid("issue", "--pod", pod.name, "--out", str(directory))
        self._expect_openssl(
            f"openssl verifies a pod's certificate by the root above: {how}", self.root, directory / "svid.pem",
            int(time.time()) + self.offset)
        return directory / "svid.pem"

    def _expect_openssl(self, what: str, root: Path, file: Path, moment: int) -> None:
        try:
            seen = commands.run(
                "openssl", "verify", "-x509_strict", "-attime", str(moment), "-CAfile", str(root), "-untrusted", str(file), str(file),
            ).strip()
        except commands.CommandFailed as failure:
            seen = failure.output.strip()
        self.report.expect(what, seen.endswith("OK"), seen)
