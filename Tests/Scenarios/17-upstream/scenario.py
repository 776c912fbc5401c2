# SPDX-License-Identifier: Apache-2.0
"""A CA below another: see README.md beside this file."""

from pathlib import Path
from typing import Any, Optional

from harness import commands, workloads
from harness.configuration import authority_configuration, node_configuration
from harness.daemons import Daemon, spiffe_id
from harness.lifetime import Run
from harness.report import Report
from harness.secrecy import expect_kept
from harness.topology import TwoNodes
from harness.waiting import wait

TITLE = "The CA is below another, by whose root alone its certificates and revocation lists are verified"

PATIENCE_SECONDS = 15
# Longer than between two looks at the schedule of the CAs, and than the notice that one is given.
LOOK_SECONDS, NOTICE_SECONDS = 40, 25
POD = "db-0"


def play(run: Run, report: Report) -> None:
    upstream = Upstream(run, report)
    upstream.below()
    upstream.between_nodes()
    upstream.alone()
    upstream.revoked()
    upstream.another()


class Upstream:
    """What the steps share: the authorities above, the one below, and its node."""

    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        self.net = TwoNodes(run)
        self.root = self._make("root")
        middle = self._make("middle", self.root)
        lowest = self._make("lowest", middle)
        self.key = lowest.with_suffix(".key")
        self.chain = run.directory / "above.pem"
        self.chain.write_text("".join(path.read_text() for path in (lowest, middle, self.root)))
        machine = self.net.add_node("node-c", 3)
        settings = f"""
upstream-disk:
  certificate-file: {self.chain}
  key-file: {self.key}
"""
        self.authority = Daemon(run, machine, authority_configuration(run, self.net, machine) + settings)

    def below(self) -> None:
        self.report.step("1. A CA is made below another")
        self.authority.start()
        self.authority.psid("entry", "create", "--spiffe-id", spiffe_id("ns/shop/sa/db"), "--label", "app=db")
        token = self.authority.ask("token", "generate", "--node", "node-b")
        shown = commands.run("openssl", "x509", "-in", str(self.root), "-noout", "-fingerprint", "-sha256")
        fingerprint = shown.strip().partition("=")[2].replace(":", "").lower()
        self.report.expect(
            "nodes are told the root's fingerprint", token["rootFingerprint"] == fingerprint, token["rootFingerprint"])
        self.node = Daemon(self.run, self.net.b, node_configuration(self.run, self.net, token))
        self.node.start()
        self.pod = self.net.add_pod(self.net.b, POD, 10)
        self.node.add_pod(self.pod, "db", "db")
        self._expect_verified("first")
        expect_kept(self.report, self.run, self.authority, "the key in lowest.key", "the key in ca.key")

    def between_nodes(self) -> None:
        self.report.step("2. Another node")
        token = self.authority.ask("token", "generate", "--node", "node-a")
        other = Daemon(self.run, self.net.a, node_configuration(self.run, self.net, token, self.net.a))
        other.start()
        self.neighbour = self.net.add_pod(self.net.a, "db-1", 11)
        other.add_pod(self.neighbour, "db", "db")
        reached = wait(lambda: workloads.ping(self.neighbour, self.pod), PATIENCE_SECONDS)
        self.report.expect("pods of the two nodes reach one another, sealed", bool(reached))

    def alone(self) -> None:
        self.report.step("3. The key above is gone")
        self.authority.stop()
        self.key.unlink()
        self.authority.start()
        back = wait(lambda: self.node.reaches_authority, PATIENCE_SECONDS)
        self.report.expect("the node is back", bool(back))
        self.node.psid("issue", "--pod", POD, "--renew")
        self._expect_verified("second")

    def revoked(self) -> None:
        self.report.step("4. A certificate is taken back")
        former = self._svid("third")
        serial = self._serial()
        self.authority.psid("revoke", "--serial", serial, "--reason", "key-compromise")
        replaced = wait(lambda: self._serial() not in (None, serial), PATIENCE_SECONDS)
        self.report.expect("the pod has another", bool(replaced))
        crl = self.run.directory / "list.pem"
        crl.write_text(self.authority.psid("revoke", "crl"))
        seen = self._verify(former, "-crl_check", "-CRLfile", str(crl))
        self.report.expect("openssl says that the one before is revoked", "certificate revoked" in seen, seen)
        seen = self._verify(self._svid("fourth"), "-crl_check", "-CRLfile", str(crl))
        self.report.expect("and takes the new one", seen.endswith("OK"), seen)

    def another(self) -> None:
        self.report.step("5. Another authority above")
        self.authority.stop()
        other = self._make("other")
        self.chain.write_text(other.read_text())
        self.authority.start()
        asked = wait(lambda: "PSD2042" in self.authority.log, PATIENCE_SECONDS)
        self.report.expect("the start succeeds, and PSD2042 asks for its key", bool(asked))
        self.key.write_bytes(other.with_suffix(".key").read_bytes())
        self.key.chmod(0o600)
        prepared = wait(lambda: len(self._authorities()) == 2, LOOK_SECONDS)
        self.report.expect("with the key there the next CA is prepared", bool(prepared), self._authorities())
        self.report.expect("it signs when the operator says so", bool(wait(self._is_activated, NOTICE_SECONDS)))
        former = self._authorities()[0]["fingerprint"]
        self.authority.psid("authority", "taint", former)
        replaced = wait(lambda: self._authorities()[0]["inUse"] == 0, LOOK_SECONDS)
        self.report.expect("what the former issued is replaced", bool(replaced), self._authorities())
        self.authority.psid("authority", "revoke", former)
        self.root = other
        self.report.expect("the bundle is the other root alone", bool(wait(self._has_root, PATIENCE_SECONDS)))
        self._expect_verified("fifth")
        reached = wait(lambda: workloads.ping(self.neighbour, self.pod), PATIENCE_SECONDS)
        self.report.expect("and the pods reach one another", bool(reached))

    def _make(self, name: str, issuer: Optional[Path] = None) -> Path:
        """An authority's certificate, and its key beside it; a root where there is no issuer."""
        path = self.run.directory / f"{name}.pem"
        above = ("-CA", str(issuer), "-CAkey", str(issuer.with_suffix(".key"))) if issuer else ()
        # OpenSSL writes keys for their owner only.
        commands.run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
            "-subj", f"/O=Example/CN={name}", "-out", str(path), "-keyout", str(path.with_suffix(".key")),
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign", *above,
        )
        return path

    def _svid(self, name: str) -> Path:
        """The pod's certificate with those that go with it, in a file."""
        directory = self.run.directory / name
        self.node.psid("issue", "--pod", POD, "--out", str(directory))
        return directory / "svid.pem"

    def _serial(self) -> Optional[str]:
        try:
            return self.node.ask("issue", "--pod", POD)["serial"]
        except commands.CommandFailed:
            return None

    def _authorities(self) -> list[dict[str, Any]]:
        return self.authority.ask("authority", "list")["authorities"]

    def _is_activated(self) -> bool:
        return self.authority.refusal("authority", "activate") is None

    def _has_root(self) -> bool:
        return self._svid("looked at").with_name("bundle.pem").read_text().strip() == self.root.read_text().strip()

    def _expect_verified(self, name: str) -> None:
        file = self._svid(name)
        bundle = file.with_name("bundle.pem").read_text().strip()
        self.report.expect("the bundle is the root", bundle == self.root.read_text().strip())
        seen = self._verify(file)
        self.report.expect("openssl verifies the pod's certificate by it", seen.endswith("OK"), seen)

    def _verify(self, file: Path, *options: str) -> str:
        try:
            return commands.run(
                "openssl", "verify", "-x509_strict", *options, "-CAfile", str(self.root), "-untrusted", str(file), str(file),
            ).strip()
        except commands.CommandFailed as failure:
            return failure.output.strip()
