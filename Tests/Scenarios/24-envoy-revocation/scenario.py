# SPDX-License-Identifier: Apache-2.0
"""Envoys and others outside hear of what was taken back: see README.md beside this file."""

import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable

sys.path.insert(0, str(Path(__file__).parent))

import partner  # noqa: E402

from harness import commands, envoy  # noqa: E402
from harness.commands import CommandFailed  # noqa: E402
from harness.configuration import standalone_configuration  # noqa: E402
from harness.daemons import Daemon, binaries, spiffe_id  # noqa: E402
from harness.envoy import Envoy  # noqa: E402
from harness.lifetime import Run  # noqa: E402
from harness.report import Report  # noqa: E402
from harness.topology import TwoNodes  # noqa: E402
from harness.waiting import wait  # noqa: E402

TITLE = "Envoys refuse what was taken back, and the bundle endpoint has the lists"

PARTNER = "partner.example"
WEB_PORT, ENDPOINT_PORT = 8000, 8445
SERVER = Envoy("server", 54_012, 8443, WEB_PORT, 9902, ("client", "other", "third"), is_server=True)
# By Envoy's SPIFFE validator.
EVERY = Envoy("every", 54_014, 8444, WEB_PORT, 9904, is_server=True, trust="ALL")
CLIENT = Envoy("client", 54_011, 8080, SERVER.port, 9901, ("server",))
OTHER = Envoy("other", 54_013, 8081, SERVER.port, 9903, ("server",))
# A process of that user; no Envoy is started.
THIRD = Envoy("third", 54_015, 0, SERVER.port, 0)
# Longer than all that is tried with a certificate.
LIFE = 1800
# From the start of psid until the first request that is refused.
LIMIT_SECONDS = 2
AFTERWARDS_SECONDS = 3
NOTICE_SECONDS, REPLACEMENT_SECONDS = 30, 45
PAUSE_SECONDS = 0.05
WITHHELD = "PSD7010"


def play(run: Run, report: Report) -> None:
    revocation = EnvoyRevocation(run, report)
    revocation.begin()
    revocation.leaked()
    revocation.endpoint()
    revocation.name()
    revocation.succession()
    revocation.reckon()
    revocation.without()


class Requests:
    """One after the other through an Envoy, each over a connection of its own, until it is stopped."""

    def __init__(self, run: Run, answered: Callable[[], bool]) -> None:
        self._answered = answered
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.sent = self.failed = 0
        run.at_end(self.stop)
        self._thread.start()

    def stop(self) -> None:
        self._done.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._done.wait(PAUSE_SECONDS):
            self.failed += not self._answered()
            self.sent += 1


class EnvoyRevocation:
    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        # Users other than root come by here.
        run.directory.chmod(0o711)
        self.net = TwoNodes(run)
        self.space = self.net.a.namespace
        self.configuration = standalone_configuration(run, self.net) + f"\nbundle-endpoint:\n  port: {ENDPOINT_PORT}\n"
        self.node = Daemon(run, self.net.a, self.configuration)

    def begin(self) -> None:
        self.report.step("1. Two Envoys that serve, two that ask, and copies of what one of these has")
        self.node.start()
        self.foreign = self.run.directory / "foreign"
        partner.make(PARTNER, self.foreign)
        self.node.psid("bundle", "set", "--trust-domain", PARTNER, "--format", "pem", "--path", str(self.foreign / "bundle.pem"))
        for each in (SERVER, CLIENT, OTHER, THIRD):
            envoy.register(self.node, each, LIFE)
        envoy.register(self.node, EVERY, LIFE, "--federates-with", PARTNER)
        envoy.serve_page(self.run, self.space, WEB_PORT)
        for each in (SERVER, EVERY, CLIENT, OTHER):
            envoy.start(self.run, self.space, each)
        for each in (CLIENT, OTHER):
            passes = wait(lambda: envoy.get(self.space, each))
            self.report.expect(f"a request of {each.name} passes", passes)
        self.copy, self.others = self._copy(CLIENT, "copy"), self._copy(OTHER, "others")
        for server in (SERVER, EVERY):
            passes = wait(lambda: self._passes(self.copy, server) and self._passes(self.others, server))
            self.report.expect(f"and with the copies, at {server.name}", passes)
        self.report.expect("so does one of another trust domain, where that is trusted", self._foreign_is_as_before())
        self.good = Requests(self.run, lambda: envoy.get(self.space, OTHER))

    def leaked(self) -> None:
        self.report.step("2. A certificate")
        before = envoy.serials(self.space, CLIENT)
        begin = time.monotonic()
        self.node.psid("revoke", "--serial", self._serial(self.copy), "--reason", "key-compromise")
        for server in (SERVER, EVERY):
            self._expect_refused_soon(f"the copy is refused at {server.name}", begin, lambda: self._passes(self.copy, server))
            self.report.expect(f"another is not, at {server.name}", self._passes(self.others, server))
        self.report.expect("nor one of the other trust domain, of which nobody has a list", self._foreign_is_as_before())
        renewed = wait(lambda: envoy.serials(self.space, CLIENT) - before)
        self.report.expect("its holder has another", renewed, f"{before}, then {renewed}")
        self.report.expect("and goes on with it", wait(lambda: envoy.get(self.space, CLIENT)))

    def endpoint(self) -> None:
        self.report.step("3. The bundle endpoint has the list")
        list_file = self._download(self.others)
        refused, taken = self._verify(self.copy, list_file), self._verify(self.others, list_file)
        self.report.expect("openssl refuses the copy by it", "certificate revoked" in refused, refused)
        self.report.expect("and takes another", taken.endswith("OK"), taken)
        head = self._curl("--head", self._list_url(self.others))
        told = {line.split(":")[0].lower(): line.split(":", 1)[1].strip() for line in head.splitlines() if ":" in line}
        size = list_file.stat().st_size
        self.report.expect(
            "HEAD tells its kind and size",
            told.get("content-type") == "application/pkix-crl" and told.get("content-length") == str(size), head)
        known = self._curl("--output", "/dev/null", "--write-out", "%{http_code}", "--header",
                           f"If-None-Match: {told.get('etag')}", self._list_url(self.others))
        self.report.expect("who has it is told so", known == "304", known)
        nowhere = self._curl("--output", "/dev/null", "--write-out", "%{http_code}", self._url("/crl/00.crl"))
        self.report.expect("of another key there is none", nowhere == "404", nowhere)

    def name(self) -> None:
        self.report.step("4. A name, whose Envoy goes on with what it has")
        resumed = envoy.ask(self.space, SERVER, "stats?filter=ssl.session_reused").strip()
        self.report.expect("TLS sessions are resumed", not resumed.endswith(" 0"), resumed)
        begin = time.monotonic()
        self.node.psid("revoke", "--spiffe-id", spiffe_id(CLIENT.name))
        self._expect_refused_soon("its connections are refused", begin, lambda: envoy.get(self.space, CLIENT))
        self._expect_still_refused("all of them")
        counted = envoy.ask(self.space, SERVER, "stats?filter=ssl.fail_verify_error").strip()
        self.report.expect("the server counts them", not counted.endswith(" 0"), counted)

    def succession(self) -> None:
        self.report.step("5. One CA follows another")
        first = self._authorities()[0]["fingerprint"]
        self.node.ask("authority", "prepare")
        activated = wait(lambda: self.node.refusal("authority", "activate") is None, NOTICE_SECONDS)
        self.report.expect("the next signs", activated)
        self._expect_still_refused("the name is refused by the first one's list")
        before = envoy.serials(self.space, OTHER)
        self.node.psid("authority", "taint", first)
        replaced = wait(lambda: envoy.serials(self.space, OTHER).isdisjoint(before), REPLACEMENT_SECONDS)
        self.report.expect("the other Envoy has another", replaced)
        gone = wait(lambda: self._authorities()[0]["inUse"] == 0, REPLACEMENT_SECONDS)
        self.report.expect("nothing of the first is in use", gone, self._authorities())
        new = self._copy(THIRD, "new")
        both = all(self._passes(copy, server) for copy in (new, self.others) for server in (SERVER, EVERY))
        self.report.expect("those of either CA pass", both and self._list_url(new) != self._list_url(self.others))
        begin = time.monotonic()
        self.node.psid("revoke", "--serial", self._serial(new))
        for server in (SERVER, EVERY):
            self._expect_refused_soon(f"one by the next is refused at {server.name}", begin, lambda: self._passes(new, server))
        verdict = self._verify(new, self._download(new))
        self.report.expect("openssl refuses it by the next one's list", "certificate revoked" in verdict, verdict)
        self.node.psid("authority", "revoke", first)
        self.report.expect("the first is trusted no more", wait(lambda: not self._passes(self.others, SERVER)))

    def reckon(self) -> None:
        self.report.step("6. What became of the other's requests")
        self.good.stop()
        sent, failed = self.good.sent, self.good.failed
        self.report.expect("none failed", sent > 100 and failed == 0, f"{failed} of {sent}")
        said = [line for line in self.node.log.splitlines() if WITHHELD in line]
        self.report.expect("lists were never withheld", not said, said or None)

    def without(self) -> None:
        self.report.step("7. With `sds.revocation-lists: false`")
        self.node.stop()
        self.node.configuration_file.write_text(self.configuration + "\nsds:\n  revocation-lists: false\n")
        self.node.start()
        copy = self._copy(THIRD, "late")
        self.report.expect("it passes", wait(lambda: self._passes(copy, SERVER) and self._passes(copy, EVERY)))
        self.node.psid("revoke", "--serial", self._serial(copy))
        time.sleep(LIMIT_SECONDS)
        self.report.expect("also when it is revoked", self._passes(copy, SERVER) and self._passes(copy, EVERY))

    # Parts of the steps

    def _expect_refused_soon(self, what: str, begin: float, passes: Callable[[], bool]) -> None:
        refused = wait(lambda: not passes(), LIMIT_SECONDS + 5)
        took = time.monotonic() - begin
        self.report.expect(what, refused and took < LIMIT_SECONDS, f"after {took * 1000:.0f} ms")

    def _expect_still_refused(self, what: str) -> None:
        deadline, seen = time.monotonic() + AFTERWARDS_SECONDS, []
        while time.monotonic() < deadline:
            seen.append(envoy.get(self.space, CLIENT))
        self.report.expect(what, seen and not any(seen), f"{sum(seen)} of {len(seen)} passed")

    def _copy(self, of: Envoy, name: str) -> Path:
        """What the Workload API gives to a process of that Envoy's user, in a directory."""
        directory = self.run.directory / name
        directory.mkdir(mode=0o755)
        commands.run("chown", str(of.user), str(directory))
        socket = f"unix:{self.run.directory / 'node-a/run/agent/api.sock'}"
        self.space.run(
            "setpriv", f"--reuid={of.user}", f"--regid={of.user}", "--clear-groups", str(binaries() / "psid"),
            "api", "fetch", "x509", "--endpoint", socket, "--out", str(directory))
        return directory

    def _passes(self, copy: Path, server: Envoy) -> bool:
        """Whether who has the copy gets an answer."""
        return self.space.succeeds(
            "curl", "--silent", "--fail", "--max-time", "2", "--insecure", "--cert", str(copy / "svid.pem"), "--key",
            str(copy / "svid.key"), f"https://127.0.0.1:{server.port}/")

    def _foreign_is_as_before(self) -> bool:
        return self._passes(self.foreign, EVERY) and not self._passes(self.foreign, SERVER)

    def _serial(self, copy: Path) -> str:
        shown = commands.run("openssl", "x509", "-in", str(copy / "svid.pem"), "-noout", "-serial")
        return shown.strip().removeprefix("serial=").lower()

    def _list_url(self, copy: Path) -> str:
        """Of the CA that issued it: by the key identifier that it has of it."""
        shown = commands.run("openssl", "x509", "-in", str(copy / "svid.pem"), "-noout", "-ext", "authorityKeyIdentifier")
        key = shown.splitlines()[1].strip().removeprefix("keyid:").replace(":", "").lower()
        return self._url(f"/crl/{key}.crl")

    def _url(self, path: str) -> str:
        return f"https://{self.net.a.v4}:{ENDPOINT_PORT}{path}"

    def _curl(self, *words: str) -> str:
        return self.space.run("curl", "--silent", "--insecure", "--max-time", "5", *words)

    def _download(self, copy: Path) -> Path:
        path = copy.with_suffix(".crl")
        self._curl("--fail", "--output", str(path), self._list_url(copy))
        return path

    def _verify(self, copy: Path, list_file: Path) -> str:
        """What `openssl verify` says of it, with that list at hand."""
        try:
            return commands.run(
                "openssl", "verify", "-x509_strict", "-crl_check", "-CRLfile", str(list_file), "-CAfile",
                str(copy / "bundle.pem"), str(copy / "svid.pem")).strip()
        except CommandFailed as failure:
            return failure.output.strip()

    def _authorities(self) -> list[dict[str, Any]]:
        return self.node.ask("authority", "list")["authorities"]
