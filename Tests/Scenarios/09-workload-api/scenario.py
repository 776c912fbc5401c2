# SPDX-License-Identifier: Apache-2.0
"""Workloads get their identities from the socket of their node: see README.md beside this file."""

import base64
import hashlib
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Optional

import jwt

from harness.configuration import standalone_configuration
from harness.daemons import Daemon, binaries, spiffe_id
from harness.lifetime import Run
from harness.namespaces import Namespace
from harness.report import Report
from harness.svid_stream import SVIDStream, Workload
from harness.topology import TwoNodes
from harness.waiting import wait

TITLE = "The Workload API: identities for processes and pods, and every change of them"

PROGRAM = Path(__file__).with_name("workload.py")
# Users without a name and a file on this machine.
KNOWN, STRANGER, CROWD = 54_001, 54_002, 54_003
ENDPOINT_PORT = 8443
ENDPOINT = f"""
bundle-endpoint:
  port: {ENDPOINT_PORT}
"""
# With ten seconds of back-dating, half of the life is one second after the start.
SHORT_LIFE = 12
TOKEN_LIFE = 40
PATIENCE_SECONDS = 10


def play(run: Run, report: Report) -> None:
    api = WorkloadAPI(run, report)
    api.begin()
    api.without_identity()
    api.rotation()
    api.entries()
    api.executables()
    api.pods()
    api.crowd()
    api.callers_that_end()
    api.restart()
    api.publication()


class WorkloadAPI:
    """What the steps share: one node, and who asks it."""

    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        # Other users have to come by.
        run.directory.chmod(0o711)
        self.net = TwoNodes(run)
        self.web = self.net.add_pod(self.net.a, "web-0", 10)
        self.other = self.net.add_pod(self.net.a, "other-0", 11)
        self.issuer = f"https://{self.net.a.v4}:{ENDPOINT_PORT}"
        configuration = standalone_configuration(run, self.net).replace("node:\n", "node:\n  key-type: ec-p384\n", 1)
        issuer = f"authority:\n  jwt-issuer: {self.issuer}\n"
        self.a = Daemon(run, self.net.a, configuration + ENDPOINT + issuer)
        self.socket = str(self.a.workload_socket)

    def begin(self) -> None:
        self.report.step("1. A node that is its own authority")
        self.a.start()
        modes = [oct(os.stat(path).st_mode & 0o777) for path in (Path(self.socket).parent, self.socket)]
        self.report.expect("everybody may look into the directory and connect", modes == ["0o755", "0o777"], modes)
        admin = Path(self.socket).parents[1] / "admin.sock"
        mode = oct(os.stat(admin).st_mode & 0o077)
        self.report.expect("nobody else may connect to the admin socket beside it", mode == "0o0", mode)

    def without_identity(self) -> None:
        self.report.step("2. A process that nothing is registered for")
        status = self._stream(STRANGER).status()
        self.report.expect("is denied", status == "PERMISSION_DENIED", status)
        status = self._stream(STRANGER, secured=False).status()
        self.report.expect("without the header the call is invalid, whoever makes it", status == "INVALID_ARGUMENT", status)
        answer = self._workload(STRANGER, "token").wait(lambda told: "error" in told)
        self.report.expect("nor does it get a token", answer and "PERMISSION_DENIED" in answer["error"], answer)
        answer = self._workload(STRANGER, "reflect").wait(lambda told: "services" in told)
        self.report.expect("what is offered, everybody may ask", answer and "SpiffeWorkloadAPI" in answer["services"], answer)

    def rotation(self) -> None:
        self.report.step("3. A user with an entry; PyPI's spiffe watches")
        entry = self._register("rotating", "--selector", f"unix:uid:{KNOWN}", "--ttl", str(SHORT_LIFE), "-jwtSVIDTTL", str(TOKEN_LIFE))
        workload = self._workload(KNOWN, "watch")
        self.report.expect("it has its identity", workload.wait_for_ids(spiffe_id("rotating")), workload.told)
        verified = workload.wait(lambda told: told.get("verified") == 1)
        self.report.expect("which the bundle verifies (W-2, W-6, W-8)", verified is not None, workload.told[-1:])
        rotated = wait(lambda: len(self._serials(workload)) >= 3, 30)
        self.report.expect("and is sent two more, each in time (W-3)", rotated, sorted(self._serials(workload)))
        tokens = self._workload(KNOWN, "token")
        token = tokens.wait(lambda told: "token" in told)
        good = token is not None and token["token"] == spiffe_id("rotating")
        self.report.expect("a token of it holds, by the client's judgement and by the node's", good, tokens.told)
        refused = tokens.wait(lambda told: "error" in told)
        self.report.expect("for its audience only", refused and "INVALID_ARGUMENT" in refused["error"], refused)
        self._psid()
        self._other_key()
        status = self._stream(STRANGER).status()
        self.report.expect("another user is denied all the while", status == "PERMISSION_DENIED", status)
        workload.end()
        self.a.psid("entry", "delete", entry)

    def _other_key(self) -> None:
        source = self._workload(KNOWN, "tokens")
        first = source.wait(lambda told: "token" in told)
        self.report.expect("a JWT source has tokens that its bundle verifies", first is not None, source.told[-1:])
        former = first["key"] if first else "none"
        self.a.psid("authority", "jwt", "revoke", "--force", "--", former)
        later = source.wait(lambda told: told.get("key", former) != former)
        self.report.expect("and after a change of keys those of another", later is not None, source.told[-1:])
        source.end()

    def _psid(self) -> None:
        """What operators have for it."""
        told = json.loads(self.a.api("fetch", "-o", "json", user=KNOWN))["svids"]
        ids = [svid["spiffeID"] for svid in told]
        self.report.expect("psid shows it to that user", ids == [spiffe_id("rotating")], ids)
        token = self.a.api("fetch", "jwt", "--audience", "psid", user=KNOWN).strip()
        said = self.a.api("validate", "jwt", "--audience", "psid", "--svid", token, user=STRANGER)
        self.report.expect("and has anybody's token judged", spiffe_id("rotating") in said, said.splitlines()[:1])
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        life = claims["exp"] - claims["iat"]
        self.report.expect("which lives as long as the entry says", life == TOKEN_LIFE, life)
        self._written()

    def _written(self) -> None:
        """By the flags of SPIRE's agent; with a key of the type that the configuration says."""
        directory = Path(tempfile.mkdtemp(dir=self.run.directory))
        os.chown(directory, KNOWN, KNOWN)
        become = ("setpriv", f"--reuid={KNOWN}", f"--regid={KNOWN}", "--clear-groups")
        self.net.a.namespace.run(
            *become, str(binaries() / "psid"), "api", "fetch", "x509", "-socketPath", self.socket, "-write", str(directory / "svid"))
        text = self.net.a.namespace.run("openssl", "x509", "-noout", "-text", "-in", str(directory / "svid/svid.0.pem"))
        self.report.expect("and writes it out", spiffe_id("rotating") in text and "P-384" in text, text.splitlines()[:1])

    def entries(self) -> None:
        self.report.step("4. Entries come and go while a stream is open")
        first = self._register("first", "--selector", f"unix:uid:{KNOWN}", "--hint", "internal")
        workload = self._stream(KNOWN)
        self.report.expect("one entry, one identity", workload.wait_for_ids(spiffe_id("first")), workload.told)
        # The registry counts in seconds: which of two is the older.
        time.sleep(1)
        begin = time.monotonic()
        second = self._register("second", "--selector", f"unix:uid:{KNOWN}", "--hint", "internal")
        both = workload.wait_for_ids(spiffe_id("first"), spiffe_id("second"))
        self.report.expect("another entry is heard of at once", both, f"{time.monotonic() - begin:.2f} s")
        hints = [svid["hint"] for svid in workload.told[-1].get("svids", [])]
        self.report.expect("no hint comes twice", hints == ["internal", ""], hints)
        self._register("foreign", "--selector", f"unix:uid:{STRANGER}")
        self.a.psid("entry", "delete", first)
        self.report.expect("one that is deleted is taken away", workload.wait_for_ids(spiffe_id("second")), workload.told[-1:])
        self.report.expect("an entry of others is not told", len(workload.told) == 3, workload.told)
        self.a.psid("entry", "update", second, "-spiffeID", spiffe_id("third"), "-selector", f"unix:uid:{KNOWN}")
        self.report.expect("one that is changed is told as it is now", workload.wait_for_ids(spiffe_id("third")), workload.told[-1:])
        shown = self.a.ask("entry", "show", second)
        counted = self.a.ask("entry", "count")["count"]
        listed = self.a.ask("entry", "list")["entries"]
        is_listed = any(entry.items() <= shown.items() for entry in listed)
        self.report.expect("psid shows and counts it", is_listed and counted == len(listed), shown)
        self.a.psid("entry", "delete", second)
        status = workload.status()
        self.report.expect("with the last the stream ends", status == "PERMISSION_DENIED", status)

    def executables(self) -> None:
        self.report.step("5. Path and contents of the executable")
        python = Path(sys.executable).resolve()
        digest = hashlib.sha256(python.read_bytes()).hexdigest()
        entry = self._register(
            "python", "--selector", f"unix:uid:{KNOWN}", "--selector", f"unix:path:{python}",
            "--selector", f"unix:sha256:{digest}",
        )
        workload = self._stream(KNOWN)
        self.report.expect("of this user and this program", workload.wait_for_ids(spiffe_id("python")), workload.told)
        self.a.psid("entry", "delete", entry)

    def pods(self) -> None:
        self.report.step("6. Pods, by the namespace that their device leads to")
        own = self._register("pod", "--namespace", "shop", "--service-account", "web")
        self._register("pod-admin", "--namespace", "shop", "--selector", f"unix:uid:{KNOWN}")
        host = self._register("host", "--selector", f"unix:uid:{KNOWN}")
        self.a.add_pod(self.web, "web", "web")
        workload = self._stream(STRANGER, self.web.namespace)
        self.report.expect("any process in it has the pod's identity", workload.wait_for_ids(spiffe_id("pod")), workload.told)
        admin = self._stream(KNOWN, self.web.namespace)
        self.report.expect("first, and those that need more", admin.wait_for_ids(spiffe_id("pod"), spiffe_id("pod-admin")), admin.told)
        status = self._stream(KNOWN, self.other.namespace).status()
        self.report.expect("in a container the host's users are nobody", status == "PERMISSION_DENIED", status)
        on_host = self._stream(KNOWN)
        self.report.expect("nor is a pod's identity the host's", on_host.wait_for_ids(spiffe_id("host")), on_host.told)
        self.a.psid(
            "entry", "update", own, "--spiffe-id", spiffe_id("pod-2"), "--node", "node-a", "--namespace", "shop",
            "--service-account", "web",
        )
        self.report.expect("a pod's entry that is changed reaches its streams", workload.wait_for_ids(spiffe_id("pod-2")), workload.told[-1:])
        self._relabel(workload)
        self.a.psid("pod", "remove", "web-0")
        status = workload.status()
        self.report.expect("a pod that is removed has none", status == "PERMISSION_DENIED", status)
        self.a.psid("entry", "delete", host)

    def _relabel(self, workload: Workload) -> None:
        """The same pod under other labels, and back, while a stream is open in it."""
        self._register("relabelled", "--namespace", "shop", "--service-account", "web", "--label", "app=new")
        begin = time.monotonic()
        self.a.add_pod(self.web, "web", "new")
        told = workload.wait_for_ids(spiffe_id("relabelled"), spiffe_id("pod-2"))
        self.report.expect("a label that changes reaches its streams", told, f"{time.monotonic() - begin:.2f} s")
        shown = next(pod for pod in self.a.ask("pod", "list")["pods"] if pod["name"] == "web-0")
        own = (shown["labels"], shown["spiffeID"])
        self.report.expect("and its own identity", own == ({"app": "new"}, spiffe_id("relabelled")), own)
        count = len(workload.told)
        self.a.add_pod(self.web, "web", "web")
        ids = [spiffe_id("pod-2")]
        back = wait(lambda: any([svid["id"] for svid in told.get("svids", [])] == ids for told in workload.told[count:]), 15)
        self.report.expect("back again, what was had by it is gone", bool(back), workload.told[-1:])
        refused = self.a.refusal(
            "pod", "add", "web-0", "--namespace", "shop", "--service-account", "other", "--netns", str(self.web.namespace.path))
        self.report.expect("another service account is another pod's", refused is not None and "already" in refused, refused)

    def crowd(self) -> None:
        self.report.step("7. A thousand connections of one user")
        crowd = self._workload(CROWD, "crowd")
        answer = crowd.wait(lambda told: "closed" in told, 30)
        self.report.expect("most are closed", answer is not None and answer["closed"] == 1000 - 256, answer)
        self.report.expect("the journal says whose, once", self.a.log.count("PSD7003") == 1, f"user {CROWD}")
        self._register("calm", "--selector", f"unix:uid:{KNOWN}")
        calm = self._stream(KNOWN)
        self.report.expect("another user is served", calm.wait_for_ids(spiffe_id("calm")), calm.told)
        self.before = self._connections()
        crowd.end()

    def callers_that_end(self) -> None:
        self.report.step("8. Callers that end")
        gone = wait(lambda: self._connections() <= self.before - 200, PATIENCE_SECONDS)
        self.report.expect("their connections do, too", gone, f"{self.before} descriptors, now {self._connections()}")

    def restart(self) -> None:
        self.report.step("9. The daemon is killed and comes back")
        workload = self._workload(KNOWN, "watch")
        self.report.expect("somebody watches", workload.wait_for_ids(spiffe_id("calm")), workload.told)
        told = len(workload.told)
        self.a.stop(signal.SIGKILL)
        self.a.start()
        again = wait(lambda: len(workload.told) > told, 30)
        self.report.expect("and goes on with the same identity", again and workload.process.poll() is None, workload.told[-1:])

    def publication(self) -> None:
        self.report.step("10. Whom to trust, for others")
        before = self._published()
        uses = sorted(key["use"] for key in before["keys"])
        self.report.expect("anybody reads the roots and the keys of tokens by HTTPS (F-6)", set(uses) == {"jwt-svid", "x509-svid"}, uses)
        self.a.psid("revoke", "--spiffe-id", spiffe_id("calm"))
        grown = wait(lambda: self._published()["spiffe_sequence"] > before["spiffe_sequence"], PATIENCE_SECONDS)
        self.report.expect("another edition has a greater number (B-2)", bool(grown), before["spiffe_sequence"])
        self.report.expect("the journal says where", "PSD2033" in self.a.log)
        self._register("clerk", "--selector", f"unix:uid:{KNOWN}")
        wait(lambda: self.a.api("fetch", "-o", "json", user=KNOWN))
        token = self.a.api("fetch", "jwt", "--audience", "bank", user=KNOWN).strip()
        found = self._fetched(f"{self.issuer}/.well-known/openid-configuration")
        self.report.expect("who knows OpenID Connect finds the issuer", found["issuer"] == self.issuer, found)
        header = jwt.get_unverified_header(token)
        key = next((key for key in self._fetched(found["jwks_uri"])["keys"] if key["kid"] == header["kid"]), None)
        claims = key and jwt.decode(token, jwt.PyJWK(key), [header["alg"]], audience="bank", issuer=self.issuer)
        self.report.expect("and takes a token by the key that it names", claims and claims["sub"] == spiffe_id("clerk"), claims)

    # Parts of the steps

    def _stream(self, user: int, namespace: Optional[Namespace] = None, secured: bool = True) -> SVIDStream:
        return SVIDStream(self.run, namespace or self.net.a.namespace, self.a.workload_socket, user, secured)

    def _workload(self, user: int, call: str) -> Workload:
        return Workload(self.run, self.net.a.namespace, PROGRAM, self.a.workload_socket, user, call)

    def _published(self) -> dict[str, Any]:
        return self._fetched(f"https://{self.net.a.v4}:{ENDPOINT_PORT}/")

    def _fetched(self, url: str) -> dict[str, Any]:
        # curl knows no SPIFFE IDs; the unit tests look at the certificate.
        return json.loads(self.net.a.namespace.run("curl", "--silent", "--fail", "--insecure", url))

    def _register(self, name: str, *facts: str) -> str:
        return self.a.ask("entry", "create", "--spiffe-id", spiffe_id(name), "--node", "node-a", *facts)["id"]

    def _serials(self, workload: Workload) -> set[str]:
        return {svid["serial"] for told in workload.told for svid in told.get("svids", [])}

    def _connections(self) -> int:
        """Descriptors that the daemon has open."""
        return len(os.listdir(f"/proc/{self.a.process_id}/fd"))
