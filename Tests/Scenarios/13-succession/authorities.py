# SPDX-License-Identifier: Apache-2.0
"""The CAs of an authority, as psid shows and changes them."""

from pathlib import Path
from typing import Any, Optional

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import SHA256

from harness.daemons import Daemon
from harness.waiting import wait

# Longer than the notice that a CA is given.
NOTICE_SECONDS = 25


class Authorities:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    @property
    def all(self) -> list[dict[str, Any]]:
        """Oldest first."""
        return self._daemon.ask("authority", "list")["authorities"]

    @property
    def fingerprints(self) -> list[str]:
        return [each["fingerprint"] for each in self.all]

    def in_use(self, fingerprint: str) -> int:
        return next(each["inUse"] for each in self.all if each["fingerprint"] == fingerprint)

    def prepare(self) -> str:
        return self._daemon.ask("authority", "prepare")["fingerprint"]

    def is_activated(self) -> bool:
        return self._daemon.refusal("authority", "activate") is None

    def follow(self) -> str:
        """Lets another sign; returns once it does."""
        other = self.prepare()
        if not wait(self.is_activated, NOTICE_SECONDS):
            raise TimeoutError(f"CA {other} cannot be activated")
        return other


def issuer(directory: Path) -> Optional[str]:
    """Fingerprint of the one that issued what psid wrote there: the one of the bundle whose signature it is."""
    leaf = x509.load_pem_x509_certificates((directory / "svid.pem").read_bytes())[0]
    for root in x509.load_pem_x509_certificates((directory / "bundle.pem").read_bytes()):
        try:
            leaf.verify_directly_issued_by(root)
            return root.fingerprint(SHA256()).hex()
        except InvalidSignature:
            continue
    return None
