# SPDX-License-Identifier: Apache-2.0
"""TPMs on machines' loopback (swtpm), and who certifies their endorsement keys (swtpm-localca)."""

from pathlib import Path
from typing import Optional

from harness import commands
from harness.lifetime import Run
from harness.topology import Node
from harness.waiting import wait

PORT = 2321
START_SECONDS = 15


class Issuer:
    def __init__(self, run: Run, name: str) -> None:
        self._directory = run.directory / name
        self._directory.mkdir()
        self.certificates = self._directory / "all.pem"
        place = self._directory
        (place / "localca.conf").write_text(
            f"statedir = {place}\nsigningkey = {place}/key.pem\nissuercert = {place}/issuer.pem\ncertserial = {place}/serial\n")
        (place / "localca.options").write_text(
            "--platform-manufacturer Example\n--platform-version 1\n--platform-model X\n")
        self.setup = place / "setup.conf"
        self.setup.write_text(
            f"create_certs_tool=/usr/bin/swtpm_localca\ncreate_certs_tool_config={place}/localca.conf\n"
            f"create_certs_tool_options={place}/localca.options\n")

    def certify(self, state: Path, name: str) -> None:
        """Makes a TPM whose certificate says that name."""
        commands.run(
            "swtpm_setup", "--tpm2", "--tpmstate", str(state), "--create-ek-cert", "--config", str(self.setup), "--vmid", name)
        parts = [self._directory / "swtpm-localca-rootca-cert.pem", self._directory / "issuer.pem"]
        self.certificates.write_text("".join(part.read_text() for part in parts))


class TPM:
    """One TPM of a machine, which can have others; one of them runs at a time."""

    def __init__(
        self, run: Run, machine: Node, name: str, issuer: Optional[Issuer] = None, certified: Optional[str] = None,
    ) -> None:
        self._run, self._machine = run, machine
        self._state = run.directory / f"tpm-{name}"
        self._state.mkdir()
        self._log = run.directory / f"tpm-{name}.log"
        if issuer is not None:
            issuer.certify(self._state, certified or machine.name)

    @property
    def join(self) -> str:
        """A line of a node's section `join`."""
        return f"tpm: swtpm:host=127.0.0.1,port={PORT}"

    def start(self) -> None:
        pid = self._state / "pid"
        pid.unlink(missing_ok=True)
        self._process = self._machine.namespace.spawn(
            "swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self._state}", "--flags", "not-need-init,startup-clear",
            "--pid", f"file={pid}", "--server", f"type=tcp,port={PORT},bindaddr=127.0.0.1", "--ctrl",
            f"type=tcp,port={PORT + 1},bindaddr=127.0.0.1", log=self._log.open("ab"))
        self._run.at_end(commands.stop, self._process)
        if not wait(pid.exists, START_SECONDS):
            raise RuntimeError("the TPM does not start")

    def stop(self) -> None:
        commands.stop(self._process)

    def extend(self, register: int) -> None:
        self._machine.namespace.run(
            "tpm2_pcrextend", f"--tcti=swtpm:host=127.0.0.1,port={PORT}", f"{register}:sha256=" + "ab" * 32)
