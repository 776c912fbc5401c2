# SPDX-License-Identifier: Apache-2.0
"""A node of the directory, with its own certificate, that floods another."""

import json
import subprocess

from harness.daemons import TRUST_DOMAIN, Daemon, binaries
from harness.lifetime import Run

PROGRAM = "podshield-hostile-member"
KINDS = ("connections", "epochs", "announcements", "proofs", "oversized", "unread")


class Member:
    """What is left of a node once its daemon has ended: the name, the key, the certificates."""

    def __init__(self, run: Run, daemon: Daemon) -> None:
        self._state = run.directory / daemon.node.name / "state"
        self._namespace = daemon.node.namespace

    def start(self, victim: str, kind: str, seconds: float) -> subprocess.Popen:
        program = [str(binaries() / PROGRAM), str(self._state), TRUST_DOMAIN, victim, kind, str(seconds)]
        return subprocess.Popen(["nsenter", f"--net={self._namespace.path}", *program], stdout=subprocess.PIPE, text=True)

    def end(self, flood: subprocess.Popen) -> dict[str, int]:
        """What it says that it did."""
        return json.loads(flood.communicate(timeout=60)[0])


def lines_about(daemon: Daemon, name: str) -> list[str]:
    """What the daemon's journal says of a node."""
    return [line for line in daemon.log.splitlines() if f" {name}" in line or f"/{name}" in line]
