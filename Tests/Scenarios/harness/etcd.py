# SPDX-License-Identifier: Apache-2.0
"""etcd with a member on each of some machines, which takes clients by their certificates alone, and its members too."""

import json
import subprocess
from pathlib import Path
from typing import Optional

from . import commands
from .lifetime import Run
from .topology import Node
from .waiting import wait

CLIENT_PORT, PEER_PORT = 2379, 2380
START_SECONDS = 20


class Etcd:
    """Answers once it is made."""

    def __init__(self, run: Run, machines: list[Node]) -> None:
        self._directory = run.directory / "etcd"
        self._directory.mkdir()
        self._machines = machines
        self._make_certificates()
        self._members: dict[str, subprocess.Popen] = {}
        run.at_end(self.end)
        for machine in machines:
            self.start(machine)
        if not wait(self.is_healthy, START_SECONDS):
            raise RuntimeError("etcd does not answer")

    @property
    def root(self) -> Path:
        return self._directory / "ca.pem"

    def certificate(self, name: str = "client") -> tuple[Path, Path]:
        """Of a client: certificate and key."""
        return self._directory / f"{name}.pem", self._directory / f"{name}.key"

    def _make_certificates(self) -> None:
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out",
            "ca.pem", "-subj", "/CN=etcd", "-days", "2")
        names = ",".join(f"IP:{machine.v4}" for machine in self._machines)
        self._issue("member", f"subjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\n")
        self._issue("client", "extendedKeyUsage=clientAuth\n")

    def _issue(self, name: str, extensions: str) -> None:
        (self._directory / f"{name}.ext").write_text(extensions)
        self._openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out",
            f"{name}.csr", "-subj", f"/CN={name}")
        self._openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", f"{name}.ext", "-out", f"{name}.pem")

    def _openssl(self, *arguments: str) -> None:
        commands.run("sh", "-c", 'cd "$0" && exec openssl "$@"', str(self._directory), *arguments)

    def start(self, machine: Node) -> None:
        """A member that ran before goes on with what it has."""
        cluster = ",".join(f"{other.name}=https://{other.v4}:{PEER_PORT}" for other in self._machines)
        client, peer = f"https://{machine.v4}:{CLIENT_PORT}", f"https://{machine.v4}:{PEER_PORT}"
        certificate, key = self.certificate("member")
        tls = [
            option
            for kind in ("", "peer-")
            for option in (f"--{kind}cert-file={certificate}", f"--{kind}key-file={key}", f"--{kind}trusted-ca-file={self.root}",
                           f"--{kind}client-cert-auth")
        ]
        self._members[machine.name] = machine.namespace.spawn(
            "etcd", f"--name={machine.name}", f"--data-dir={self._directory / machine.name}", f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}", f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster={cluster}", "--logger=zap", *tls, log=(self._directory / f"{machine.name}.log").open("ab"))

    def kill(self, machine: Node) -> None:
        process = self._members.pop(machine.name)
        process.kill()
        process.wait()

    def end(self) -> None:
        for process in self._members.values():
            commands.stop(process)

    def is_healthy(self) -> bool:
        """Whether all members are there and of one mind."""
        try:
            self.ctl("endpoint", "health", "--cluster")
        except commands.CommandFailed:
            return False
        return True

    def leader(self) -> Node:
        """The machine whose member leads the others. Of those that answer; each knows who it is."""
        def of_those_that_answer() -> Optional[Node]:
            try:
                told = self.ctl("endpoint", "status", "-w", "json")
            except commands.CommandFailed as failure:
                told = failure.output
            lines = [line for line in told.splitlines() if line.startswith("[")]
            statuses = [(each["Endpoint"], each["Status"]) for each in (json.loads(lines[0]) if lines else [])]
            ends = [end for end, status in statuses if status["leader"] == status["header"]["member_id"]]
            return next((machine for machine in self._machines for end in ends if f"//{machine.v4}:" in end), None)

        leader = wait(of_those_that_answer, START_SECONDS)
        if leader is None:
            raise RuntimeError("no member of etcd leads")
        return leader

    def ctl(self, *arguments: str) -> str:
        certificate, key = self.certificate()
        endpoints = ",".join(f"https://{machine.v4}:{CLIENT_PORT}" for machine in self._machines)
        return self._machines[0].namespace.run(
            "env", "ETCDCTL_API=3", "etcdctl", f"--endpoints={endpoints}", f"--cacert={self.root}", f"--cert={certificate}",
            f"--key={key}", *arguments)
