# SPDX-License-Identifier: Apache-2.0
"""A CA that issues certificates to machines, by the `openssl` program."""

from dataclasses import dataclass
from pathlib import Path

from harness import commands
from harness.lifetime import Run


@dataclass(frozen=True)
class Machine:
    """PEM files of a machine."""

    certificate: Path
    key: Path

    @property
    def join(self) -> tuple[str, str]:
        """Lines of a node's section `join`."""
        return f"certificate-file: {self.certificate}", f"key-file: {self.key}"


class MachineCA:
    def __init__(self, run: Run, name: str) -> None:
        self._directory = run.directory / name
        self._directory.mkdir()
        self.root = self._directory / "root.pem"
        self._key = self._directory / "root.key"
        self._make(self.root, self._key, "machines", "keyUsage=critical,keyCertSign", "basicConstraints=critical,CA:TRUE")

    def issue(self, name: str) -> Machine:
        """A certificate for a key that is new each time."""
        count = len(list(self._directory.iterdir()))
        machine = Machine(self._directory / f"{count}.pem", self._directory / f"{count}.key")
        self._make(
            machine.certificate, machine.key, name, "keyUsage=critical,digitalSignature", "extendedKeyUsage=clientAuth",
            "basicConstraints=critical,CA:FALSE", issuer=("-CA", str(self.root), "-CAkey", str(self._key)),
        )
        return machine

    @staticmethod
    def _make(certificate: Path, key: Path, name: str, *extensions: str, issuer: tuple[str, ...] = ()) -> None:
        # OpenSSL writes keys for their owner only.
        commands.run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
            "-subj", f"/O=Example/CN={name}", "-out", str(certificate), "-keyout", str(key), *issuer,
            *(word for extension in extensions for word in ("-addext", extension)),
        )
