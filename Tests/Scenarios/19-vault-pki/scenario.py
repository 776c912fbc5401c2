# SPDX-License-Identifier: Apache-2.0
"""The CA is below an issuer in Vault: see README.md beside this file."""

import shutil
import time
from pathlib import Path
from typing import Any

from harness import commands
from harness.clock import Clock
from harness.configuration import authority_configuration, node_configuration
from harness.daemons import Daemon, binaries, spiffe_id
from harness.lifetime import Run
from harness.report import Report
from harness.secrecy import expect_kept
from harness.topology import Node, TwoNodes
from harness.vault import PORT, Vault
from harness.waiting import wait

TITLE = "The CA is below an issuer in Vault, which signs the next one whenever it is due"

PATIENCE_SECONDS = 15
# Longer than between two looks at the schedule of the CAs, and than the notice that one is given.
LOOK_SECONDS, NOTICE_SECONDS = 45, 25
# Who has asked in vain waits longer each time.
LATE_SECONDS = 4 * LOOK_SECONDS
TIME_LIMIT_SECONDS = 600
HOUR = 3600
POLICY = 'path "pki/root/sign-intermediate" { capabilities = ["update"] }\n'


def play(run: Run, report: Report) -> None:
    below = BelowVault(run, report)
    below.refused()
    below.first()
    below.another_root()
    below.rotated()
    below.sealed()
    below.gone()
    below.kept()


class BelowVault:
    """What the steps share: OpenBao, the authority below it, and the clock that it goes by."""

    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        self.net = TwoNodes(run)
        self.machine = self.net.add_node("node-c", 3)
        self.vault = Vault(run, self.machine)
        self.vault.bao("secrets", "enable", "pki")
        self.vault.bao("secrets", "tune", "-max-lease-ttl=8760h", "pki")
        self._make_root("generate", "first")
        self.root = self.vault.issuer("first")
        self.token = self.run.directory / "token"
        self.token.touch(mode=0o600)
        configuration = authority_configuration(run, self.net, self.machine).replace(
            "authority:\n", "authority:\n  ca-lifetime: 24h\n  node-lifetime: 4h\n")
        self.authority = Daemon(run, self.machine, f"""{configuration}
upstream-vault-pki:
  server: 127.0.0.1:{PORT}
  ca-file: {self.vault.root}
  token-file: {self.token}
""")
        self.clock, self.offset, self.pods = Clock(run), 0, 0

    def refused(self) -> None:
        self.report.step("1. Without the authority above there is no CA")
        self.secret = self.vault.token(POLICY)
        self.token.write_text(self.secret + "\n")
        self.vault.seal()
        self._expect_start_refused("OpenBao is sealed", "Vault is sealed or not ready (503)")
        self.vault.unseal()
        self.token.write_text(self.vault.bao("token", "create", "-policy=default", "-field=token"))
        self._expect_start_refused("its policy does not let the daemon sign", "Vault does not let the daemon in (403)")
        self.token.write_text(self.secret + "\n")

    def first(self) -> None:
        self.report.step("2. A CA is made below the engine's root")
        self._start()
        token = self.authority.ask("token", "generate")
        shown = commands.run("openssl", "x509", "-in", str(self.root), "-noout", "-fingerprint", "-sha256")
        fingerprint = shown.strip().partition("=")[2].replace(":", "").lower()
        self.report.expect("nodes are told the fingerprint of that root", token["rootFingerprint"] == fingerprint)
        certificate = self.run.directory / "node-c/state/authority/ca.pem"
        seen = commands.run(
            "openssl", "x509", "-in", str(certificate), "-noout", "-ext", "subjectAltName,basicConstraints,keyUsage")
        holds = all(words in seen for words in ("URI:spiffe://example.org\n", "CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign"))
        self.report.expect("the CA's certificate is for the trust domain, and for nothing below", holds, seen)
        self.node = self._join(self.net.b)
        self._expect_verified("by the first CA")

    def another_root(self) -> None:
        self.report.step("3. The engine gets another root")
        former = self._authorities()[0]["fingerprint"]
        self._make_root("rotate", "second")
        self.vault.bao("write", "pki/root/replace", "default=second")
        self._expect_states("a CA below it is prepared", ["active", "prepared"])
        both = wait(lambda: self._bundle().count("BEGIN CERTIFICATE") == 2, PATIENCE_SECONDS)
        self.report.expect("pods are told both roots", bool(both))
        activated = wait(lambda: self.authority.refusal("authority", "activate") is None, NOTICE_SECONDS)
        self.report.expect("it signs when the operator says so", bool(activated))
        self.root = self.vault.issuer("second")
        self._expect_verified("below the other root")
        self.authority.psid("authority", "taint", former)
        replaced = wait(lambda: self._authorities()[0]["inUse"] == 0, LOOK_SECONDS)
        self.report.expect("what the former issued is replaced", bool(replaced), self._authorities())
        self.authority.psid("authority", "revoke", former)
        alone = wait(lambda: self._bundle().strip() == self.root.read_text().strip(), PATIENCE_SECONDS)
        self.report.expect("the bundle is the other root alone", bool(alone))
        self.node.stop()

    def rotated(self) -> None:
        self.report.step("4. One CA follows another by itself")
        first = self._authorities()[0]["fingerprint"]
        self._go_ahead(13 * HOUR)
        self._expect_states("at half of its life the next is made", ["active", "prepared"])
        self._go_ahead(8 * HOUR)
        self._expect_states("with a sixth left it signs", ["retired", "active"])
        followed = [each["fingerprint"] for each in self._authorities()]
        self.report.expect("the one before is the first", followed[0] == first and followed[1] != first, followed)
        roots = {each["rootFingerprint"] for each in self._authorities()}
        self.report.expect("both are below one root", len(roots) == 1, roots)
        self.node = self._join(self.net.a)
        self._expect_verified("by the CA that followed")

    def sealed(self) -> None:
        self.report.step("5. An authority that begins anew; OpenBao is sealed for longer than its next CA may wait")
        self._begin_anew()
        former, told = self._active(), len(self.authority.log)
        self.vault.seal()
        self._go_ahead(13 * HOUR)
        said = wait(lambda: [line for line in self.authority.log[told:].splitlines() if "PSD2042" in line], LOOK_SECONDS)
        self.report.expect("at half of its life the authority says that there is no next one, and why", "sealed" in str(said), said)
        self._go_ahead(8 * HOUR)
        self.node = self._join(self.net.add_node("node-d", 4))
        self._expect_verified("by the CA that signs on, with less than a sixth of its life left")
        self.report.expect("it is still that one", self._active() == former, self._authorities())
        self.vault.unseal()
        prepared = wait(lambda: "prepared" in self._states(), LATE_SECONDS)
        self.report.expect("unsealed, the next is made", bool(prepared), self._authorities())
        # Who reads the bundle now and then is given a twelfth of its life to hear of it.
        self._go_ahead(HOUR // 2)
        followed = wait(lambda: self._active() != former, LOOK_SECONDS)
        self.report.expect("and signs by itself, once it has been published for a while", bool(followed), self._authorities())
        self._expect_verified("by the CA that came late")

    def gone(self) -> None:
        self.report.step("6. OpenBao is gone")
        self.vault.end()
        self.authority.stop()
        begun = len(self.authority.log)
        self._start()
        said = wait(lambda: "PSD2042" in self.authority.log[begun:], PATIENCE_SECONDS)
        self.report.expect("the authority starts, and PSD2042 says what it misses", bool(said))
        lines = [line for line in self.authority.log[begun:].splitlines() if "PSD2042" in line]
        self.report.expect("in words that name the section", all("upstream-vault-pki" in line for line in lines), lines)
        back = wait(lambda: self.node.reaches_authority, PATIENCE_SECONDS)
        self.report.expect("the node is back", bool(back))
        self._expect_verified("from the authority that is alone")
        seen = self.authority.refusal("authority", "prepare")
        self.report.expect("a CA by hand is refused, with the reason", "Vault cannot be reached" in (seen or ""), seen)

    def kept(self) -> None:
        self.report.step("7. What is told to nobody")
        expect_kept(self.report, self.run, self.authority, "token-file")

    # Parts of the steps

    def _make_root(self, how: str, name: str) -> None:
        self.vault.bao(
            "write", f"pki/root/{how}/internal", f"common_name=Example {name}", f"issuer_name={name}", "key_type=ec",
            "ttl=8000h")

    def _start(self) -> None:
        self.authority.start(*self.clock.prefix)

    def _begin_anew(self) -> None:
        """OpenBao goes by the machine's clock, and dates no CA beyond a day from that."""
        self.node.stop()
        self.authority.stop()
        shutil.rmtree(self.run.directory / "node-c/state")
        self.offset = 0
        self.clock.step(self.offset)
        self._start()

    def _join(self, node: Node) -> Daemon:
        """By the authority's clock. The first one has pods of it be issued certificates."""
        if not self.authority.ask("entry", "list")["entries"]:
            self.authority.psid("entry", "create", "--spiffe-id", spiffe_id("ns/shop/sa/db"), "--label", "app=db")
        token = self.authority.ask("token", "generate", "--node", node.name)
        daemon = Daemon(self.run, node, node_configuration(self.run, self.net, token, node))
        daemon.start(*self.clock.prefix)
        return daemon

    def _expect_start_refused(self, what: str, words: str) -> None:
        command = (str(binaries() / "podshield-idd"), "--config", str(self.authority.configuration_file))
        seen, line = 0, "it started"
        try:
            self.machine.namespace.run(*command)
        except commands.CommandFailed as failure:
            # The first line is that it starts.
            seen, line = failure.status, failure.output.strip().partition("\n")[2]
        holds = seen == 1 and "PSD2030" in line and "upstream-vault-pki" in line and words in line and "\n" not in line
        self.report.expect(f"{what}: status 1 and one line that says so", holds, f"{seen}: {line}")

    def _go_ahead(self, seconds: int) -> None:
        self.offset += seconds
        self.clock.step(self.offset)

    def _authorities(self) -> list[dict[str, Any]]:
        return self.authority.ask("authority", "list")["authorities"]

    def _active(self) -> str:
        return next(each["fingerprint"] for each in self._authorities() if each["state"] == "active")

    def _states(self) -> list[str]:
        return [each["state"] for each in self._authorities()]

    def _expect_states(self, what: str, states: list[str]) -> None:
        self.report.expect(what, bool(wait(lambda: self._states()[:2] == states, LOOK_SECONDS)), self._states())

    def _bundle(self) -> str:
        return self._svid().with_name("bundle.pem").read_text()

    def _svid(self) -> Path:
        """Of the pod that was added last, with those that go with it."""
        directory = self.run.directory / f"svid-{self.pod.name}"
        self.node.psid("issue", "--pod", self.pod.name, "--out", str(directory))
        return directory / "svid.pem"

    def _expect_verified(self, how: str) -> None:
        """A pod that is new gets a certificate that whoever knows Vault's root alone can verify."""
        self.pods += 1
        self.pod = self.net.add_pod(self.node.node, f"db-{self.pods}", 10 + self.pods)
        self.node.add_pod(self.pod, "db", "db")
        file = self._svid()
        moment = str(int(time.time()) + self.offset)
        try:
            seen = commands.run(
                "openssl", "verify", "-x509_strict", "-attime", moment, "-CAfile", str(self.root), "-untrusted", str(file), str(file),
            ).strip()
        except commands.CommandFailed as failure:
            seen = failure.output.strip()
        self.report.expect(f"openssl verifies a pod's certificate by Vault's root: {how}", seen.endswith("OK"), seen)
