"""JWT-SVIDs that root has of a node, and what nodes think of them."""

import base64
import json
from typing import Iterable

from . import commands
from .daemons import Daemon, binaries
from .lifetime import Run


class Tokens:
    def __init__(self, run: Run, audience: str) -> None:
        self._run, self._audience = run, audience

    def fetch(self, node: Daemon) -> str:
        return self._api(node, "fetch", "jwt", "--audience", self._audience).strip()

    def is_had(self, node: Daemon) -> bool:
        try:
            return bool(self.fetch(node))
        except commands.CommandFailed:
            return False

    def takers(self, token: str, nodes: Iterable[Daemon]) -> list[str]:
        """The nodes by whose judgement it is good."""
        return [node.node.name for node in nodes if self._is_taken(token, node)]

    def _is_taken(self, token: str, node: Daemon) -> bool:
        try:
            self._api(node, "validate", "jwt", "--audience", self._audience, "--svid", token)
            return True
        except commands.CommandFailed:
            return False

    def _api(self, node: Daemon, *words: str) -> str:
        socket = self._run.directory / node.node.name / "run/agent/api.sock"
        return node.node.namespace.run(str(binaries() / "psid"), "api", *words, "--endpoint", f"unix://{socket}")


def key_id(token: str) -> str:
    """Of the key that signed it. It may begin with a hyphen."""
    header = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]
