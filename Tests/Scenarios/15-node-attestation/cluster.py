# SPDX-License-Identifier: Apache-2.0
"""A Kubernetes API on a machine's loopback, as far as nodes need it to join."""

from pathlib import Path

from harness import commands
from harness.daemons import ROOT
from harness.lifetime import Run
from harness.topology import Node
from harness.waiting import wait

PORT = 6443
START_SECONDS = 15
AUDIENCE = "podshield"


class Cluster:
    def __init__(self, run: Run, machine: Node) -> None:
        self._run, self._machine = run, machine
        self._directory = run.directory / "cluster"
        self._ask("prepare", str(self._directory))
        self._log = self._directory / "log"
        self.start()

    def start(self) -> None:
        self._log.write_text("")
        self._process = self._machine.namespace.spawn(
            *_program(), "serve", str(self._directory), str(PORT), log=self._log.open("wb"))
        self._run.at_end(commands.stop, self._process)
        if not wait(lambda: str(PORT) in self._log.read_text(), START_SECONDS):
            raise RuntimeError("the cluster's API does not start")

    def stop(self) -> None:
        commands.stop(self._process)

    @property
    def settings(self) -> str:
        """Of an authority on the same machine."""
        return f"""
kubernetes:
  server: 127.0.0.1:{PORT}
  ca-file: {self._directory / "ca.pem"}
  token-file: {self._directory / "reviewer"}
  service-accounts: ["podshield:node"]
"""

    def project(self, file: Path, account: str, node: str, audience: str = AUDIENCE, lifetime: int = 3600) -> None:
        """Puts a token where the kubelet would into a pod of that service account on that node."""
        text = self._ask(
            "token", str(self._directory), "podshield", account, node, "--audience", audience, "--lifetime", str(lifetime))
        file.write_text(text)

    @staticmethod
    def _ask(*arguments: str) -> str:
        return commands.run(*_program(), *arguments)


def _program() -> tuple[str, str]:
    return str(ROOT / ".build-venv/bin/python"), str(Path(__file__).with_name("cluster_api.py"))
