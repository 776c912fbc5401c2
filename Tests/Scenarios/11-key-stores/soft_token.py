# SPDX-License-Identifier: Apache-2.0
"""A SoftHSM 2 of the run's own."""

import shutil
from pathlib import Path

from harness import commands
from harness.lifetime import Run

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "right-1234"
LABEL = "ca"


class SoftToken:
    """One token, which can be taken away and exchanged."""

    def __init__(self, run: Run) -> None:
        self._tokens = run.directory / "tokens"
        self._away = run.directory / "tokens-away"
        self._configuration = run.directory / "softhsm2.conf"
        self._configuration.write_text(f"directories.tokendir = {self._tokens}\nlog.level = ERROR\n")

    @property
    def environment(self) -> tuple[str, str]:
        """In front of a command that uses the token."""
        return ("env", f"SOFTHSM2_CONF={self._configuration}")

    def make(self) -> None:
        self._tokens.mkdir(exist_ok=True)
        self._run("softhsm2-util", "--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", "so-5678")

    def take(self, key: Path) -> None:
        """Imports a private key, as operations.md says."""
        self._run("softhsm2-util", "--import", str(key), "--token", LABEL, "--label", "ca", "--id", "01", "--pin", PIN)

    def make_key(self) -> None:
        self._run(
            "pkcs11-tool", "--module", MODULE, "--token-label", LABEL, "--login", "--pin", PIN, "--keypairgen",
            "--key-type", "EC:prime256v1", "--label", "ca", "--id", "01", "--sensitive",
        )

    def remove(self) -> None:
        self._tokens.rename(self._away)
        self._tokens.mkdir()

    def bring_back(self) -> None:
        shutil.rmtree(self._tokens)
        self._away.rename(self._tokens)

    def _run(self, *command: str) -> None:
        commands.run(*self.environment, *command)
