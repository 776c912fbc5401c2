"""JWT-SVIDs that root has of a node, and what nodes think of them."""

import base64
import json
from typing import Iterable

from . import commands
from .daemons import Daemon


class Tokens:
    def __init__(self, audience: str) -> None:
        self._audience = audience

    def fetch(self, node: Daemon) -> str:
        return node.api("fetch", "jwt", "--audience", self._audience).strip()

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
            node.api("validate", "jwt", "--audience", self._audience, "--svid", token)
            return True
        except commands.CommandFailed:
            return False


def key_id(token: str) -> str:
    """Of the key that signed it. It may begin with a hyphen."""
    header = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]
