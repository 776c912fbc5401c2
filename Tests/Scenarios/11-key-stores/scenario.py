# SPDX-License-Identifier: Apache-2.0
"""The CA's key in a token and in Vault: see README.md beside this file."""

import json
import shutil
import sys
from pathlib import Path
from typing import Optional

sys.path.insert(0, str(Path(__file__).resolve().parent))

from soft_token import LABEL, MODULE, PIN, SoftToken  # noqa: E402

from harness import commands  # noqa: E402
from harness.configuration import authority_configuration, node_configuration  # noqa: E402
from harness.daemons import Daemon, binaries, spiffe_id  # noqa: E402
from harness.lifetime import Run  # noqa: E402
from harness.report import Report  # noqa: E402
from harness.secrecy import expect_kept  # noqa: E402
from harness.topology import Node, TwoNodes  # noqa: E402
from harness.vault import PORT, Vault  # noqa: E402
from harness.waiting import wait  # noqa: E402

TITLE = "The CA's key is in a token, then in Vault; wrong PINs lock nothing, and away is not lost"

REFUSED = 77
PATIENCE_SECONDS = 15
POLICY = """path "transit/keys/ca" { capabilities = ["read", "create", "update"] }
path "transit/sign/ca" { capabilities = ["update"] }
"""


def play(run: Run, report: Report) -> None:
    stores = KeyStores(run, report)
    stores.move()
    stores.wrong_pin()
    stores.gone()
    stores.vault()


class KeyStores:
    """What the steps share: the topology, and the authority whose key moves."""

    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        self.net = TwoNodes(run)
        self.pods = 0
        self.machine = self.net.add_node("node-c", 3)
        self.configuration = authority_configuration(run, self.net, self.machine)
        self.authority = Daemon(run, self.machine, self.configuration)
        self.state = run.directory / "node-c/state/authority"
        self.token = SoftToken(run)
        self.pin = self._secret("pin", PIN)

    def move(self) -> None:
        self.report.step("1. The key of an authority moves into a token")
        self.authority.start()
        self.node = self._join(self.authority, self.net.b)
        self._expect_issued(self.node, "with a key on disk")
        certificate = (self.state / "ca.pem").read_bytes()
        self.authority.stop()
        self.token.make()
        key = self.state / "ca.key"
        self.token.take(key)
        kept = key.rename(self.run.directory / "kept.key")
        self._use_token(self.pin)
        self.authority.start(*self.token.environment)
        self.report.expect("the CA is the same", (self.state / "ca.pem").read_bytes() == certificate)
        self._expect_issued(self.node, "with the key in the token")
        self.report.expect("the CA's key is on no disk of the authority's", not key.exists())
        shutil.copy(kept, key)
        self._expect_start_refused("a ca.key beside the token", 1, "PSD6002", "though the key is said to be elsewhere")
        key.unlink()

    def wrong_pin(self) -> None:
        self.report.step("2. PINs that are wrong")
        self._use_token(self._secret("wrong", "wrong-5678"))
        self._expect_start_refused("a wrong PIN", REFUSED, "PSD2030", "the PIN is wrong")
        found = self._found_before_start("PSD2030")
        self.report.expect("psid doctor --pre does not try it", found is None, found)
        self._use_token(self._secret("open", PIN, mode=0o644))
        self._expect_start_refused("a PIN that others can read", 1, "PSD2030", "is open to others")
        found = self._found_before_start("PSD2030")
        self.report.expect("psid doctor --pre finds that", bool(found) and "is open to others" in found, found)

    def gone(self) -> None:
        self.report.step("3. A token that is gone, a key that is another's")
        self._use_token(self.pin)
        self.token.remove()
        self._expect_start_refused("no token", 1, "PSD2030", f"there is no token '{LABEL}'")
        self.token.make()
        self._expect_start_refused("a token without the key", 1, "PSD2030", "there is no key 'ca'")
        self.token.make_key()
        self._expect_start_refused("another key", REFUSED, "PSD2030", "is not the key of the CA's certificate")
        self.token.bring_back()
        self.authority.start(*self.token.environment)
        self._expect_issued(self.node, "with the right token again")
        expect_kept(self.report, self.run, self.authority, "pin-file")

    def vault(self) -> None:
        self.report.step("4. A key that was made in Vault")
        machine = self.net.add_node("node-d", 4)
        vault = Vault(self.run, machine)
        vault.bao("secrets", "enable", "transit")
        role, secret = vault.role(POLICY)
        section = f"""
vault:
  server: 127.0.0.1:{PORT}
  ca-file: {vault.root}
  key: ca
  create: true
  role-id: {role}
  secret-id-file: {self._secret("secret-id", secret)}
"""
        authority = Daemon(self.run, machine, authority_configuration(self.run, self.net, machine) + section)
        authority.start()
        keys = list((self.run.directory / "node-d/state/authority").glob("ca.key"))
        self.report.expect("it made no key of its own", keys == [], keys)
        node = self._join(authority, self.net.a)
        self._expect_issued(node, "with the key in Vault")
        vault.seal()
        self.report.expect("sealed: a pod gets no certificate", not self._is_issued(node))
        found = wait(lambda: self._found(authority, "PSD2030"), PATIENCE_SECONDS)
        self.report.expect("and psid doctor says why", bool(found) and "sealed" in str(found), found)
        vault.unseal()
        self._expect_issued(node, "from the same daemon when Vault is unsealed")
        gone = wait(lambda: self._found(authority, "PSD2030") is None, PATIENCE_SECONDS)
        self.report.expect("and the finding is gone", bool(gone))
        expect_kept(self.report, self.run, authority, "secret-id-file")

    # The authority

    def _secret(self, name: str, text: str, mode: int = 0o600) -> Path:
        path = self.run.directory / name
        path.touch(mode=0o600)
        path.write_text(text + "\n")
        path.chmod(mode)
        return path

    def _use_token(self, pin: Path) -> None:
        """Configures the authority, which is stopped for it, with the key in the token."""
        self.authority.stop()
        self.authority.configuration_file.write_text(f"""{self.configuration}
pkcs11:
  module: {MODULE}
  token: {LABEL}
  key-label: ca
  pin-file: {pin}
""")

    def _expect_start_refused(self, what: str, status: int, code: str, words: str) -> None:
        self.authority.stop()
        command = (str(binaries() / "podshield-idd"), "--config", str(self.authority.configuration_file))
        seen, line = 0, "it started"
        try:
            self.machine.namespace.run(*self.token.environment, *command)
        except commands.CommandFailed as failure:
            # The first line is that it starts.
            seen, line = failure.status, failure.output.strip().partition("\n")[2]
        holds = seen == status and code in line and words in line and "\n" not in line
        self.report.expect(f"{what}: status {status} and one line under {code}", holds, f"{seen}: {line}")

    def _found_before_start(self, code: str) -> Optional[str]:
        return self._found(self.authority, code, "--pre")

    @staticmethod
    def _found(daemon: Daemon, code: str, *arguments: str) -> Optional[str]:
        """What the doctor says under a code."""
        try:
            text = daemon.psid("doctor", *arguments, "-o", "json")
        except commands.CommandFailed as failure:
            text = failure.output
        found = [finding["message"] for finding in json.loads(text).get("findings", []) if finding["code"] == code]
        return found[0] if found else None

    # The node

    def _join(self, authority: Daemon, node: Node) -> Daemon:
        token = authority.ask("token", "generate", "--node", node.name)
        daemon = Daemon(self.run, node, node_configuration(self.run, self.net, token, node))
        daemon.start()
        authority.psid("entry", "create", "--spiffe-id", spiffe_id("ns/shop/sa/db"), "--label", "app=db")
        return daemon

    def _expect_issued(self, node: Daemon, when: str) -> None:
        issued = wait(lambda: self._is_issued(node), PATIENCE_SECONDS)
        self.report.expect(f"a pod gets its certificate {when}", issued)

    def _is_issued(self, node: Daemon) -> bool:
        """Whether a pod that is new gets a certificate."""
        self.pods += 1
        pod = self.net.add_pod(node.node, f"db-{self.pods}", 10 + self.pods)
        try:
            node.add_pod(pod, "db", "db")
        except commands.CommandFailed:
            return False
        shown = {entry["name"]: entry for entry in node.ask("pod", "list")["pods"]}
        return bool(shown.get(pod.name, {}).get("spiffeID"))
