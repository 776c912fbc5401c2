# SPDX-License-Identifier: Apache-2.0
"""Brokers get SVIDs on behalf of pods and processes: see README.md beside this file."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Optional

from harness import commands
from harness.configuration import node_configuration, standalone_configuration
from harness.daemons import Daemon, spiffe_id
from harness.lifetime import Run
from harness.namespaces import Namespace
from harness.report import Report
from harness.topology import TwoNodes
from harness.waiting import wait

TITLE = "The Broker API: SVIDs on behalf of pods and processes, over mTLS with a list of brokers"

BROKER = Path(__file__).with_name("broker.py")
# Users without a name on this machine; the first three are of the brokers' group.
BROKER_USER, LIMITED, STRANGER, WORKLOAD = 54_011, 54_012, 54_013, 54_014
BROKERS_GROUP = BROKER_USER
NEW_PID_NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child")
UID = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
OTHER_UID = "0fa1b2c3-4d5e-6f70-8192-a3b4c5d6e7f8"
PORT = 7602
# Those of systemd/podshield-idd.service.
CAPABILITIES = ("bpf", "net_admin", "perfmon", "ipc_lock")
# With ten seconds of back-dating, half of the life is one second after the start.
SHORT_LIFE = 12


def play(run: Run, report: Report) -> None:
    api = BrokerAPI(run, report)
    api.begin()
    api.strangers()
    api.pods()
    api.processes()
    api.processes_that_end()
    api.pods_that_end()
    api.revoked_broker()


class Call:
    """A broker's call; what it is told can be waited for."""

    def __init__(
        self, api: "BrokerAPI", user: int, call: str, *reference: Any, by_tcp: bool = False, under: tuple[str, ...] = ()
    ) -> None:
        log = api.run.directory / f"{call}-{user}-{time.monotonic_ns()}.log"
        target = f"ipv4:{api.net.a.v4}:{PORT}" if by_tcp else f"unix:{api.socket}"
        node = spiffe_id("podshield/node/node-a")
        who = str(user) if user == WORKLOAD else f"{user}:{BROKERS_GROUP}"
        words = (*under, sys.executable, str(BROKER), api.workload_socket, who, node, target, call, *map(str, reference))
        with log.open("wb") as output:
            self.process = api.net.a.namespace.spawn(*words, log=output)
        api.run.at_end(self.end)
        self._log = log

    def end(self) -> None:
        commands.kill_session(self.process)

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines() if line.startswith("{")]

    @property
    def text(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def all(self) -> list[str]:
        """For people, when something is not as it should be."""
        return self.text.splitlines()[-5:]

    def wait(self, wanted: Callable[[dict[str, Any]], Any], timeout: float = 20) -> Optional[dict[str, Any]]:
        return wait(lambda: next(filter(wanted, self.told), None), timeout)

    def wait_for_ids(self, *names: str) -> bool:
        ids = [spiffe_id(name) for name in names]
        told = self.wait(lambda told: [svid["id"] for svid in told.get("svids", [])] == ids)
        return told is not None and all(svid["good"] for svid in told["svids"])

    @property
    def serials(self) -> set[str]:
        return {svid["serial"] for told in self.told for svid in told.get("svids", [])}

    def status(self) -> str:
        """With the reason, where there is one."""
        told = self.wait(lambda document: "status" in document)
        return f"{told['status']} {told.get('reason', '')}".strip() if told else "none"


NOT_FOUND = "NOT_FOUND WORKLOAD_NOT_FOUND spiffe.io"
NOT_ENTITLED = "PERMISSION_DENIED WORKLOAD_NOT_ENTITLED spiffe.io"
INVALID = "INVALID_ARGUMENT WORKLOAD_REFERENCE_INVALID spiffe.io"


class BrokerAPI:
    """What the steps share: one node, who asks it, and for whom."""

    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        # Other users have to come by.
        run.directory.chmod(0o711)
        self.net = TwoNodes(run)
        self.web = self.net.add_pod(self.net.a, "web-0", 10)
        self.db = self.net.add_pod(self.net.a, "db-0", 11)
        directory = run.directory / "brokers"
        directory.mkdir()
        os.chown(directory, 0, BROKERS_GROUP)
        directory.chmod(0o2755)
        self.socket = str(directory / "b.sock")
        self.workload_socket = str(run.directory / "node-a/run/agent/api.sock")
        self.a = Daemon(run, self.net.a, standalone_configuration(run, self.net) + f"""
broker:
  socket: {self.socket}
  listen: "{self.net.a.v4}:{PORT}"
  brokers:
    - {{id: "{spiffe_id('broker')}", references: [pid, kubernetes], tcp-references: [kubernetes]}}
    - {{id: "{spiffe_id('limited')}", references: [pid]}}
""")

    def begin(self) -> None:
        self.report.step("1. A node with two brokers on its list")
        self.a.start()
        found = os.stat(self.socket)
        mode = f"{found.st_mode & 0o777:o} of group {found.st_gid}"
        self.report.expect("the socket is for its directory's group", mode == f"660 of group {BROKERS_GROUP}", mode)
        self.report.expect("the journal says where brokers may connect", "PSD7005" in self.a.log)
        for name, user in (("broker", BROKER_USER), ("limited", LIMITED), ("stranger", STRANGER)):
            self._register(name, "--selector", f"unix:uid:{user}")
        self._register("web", "--pod", "web-0", "--ttl", str(SHORT_LIFE))
        self._register("db", "--pod", "db-0")
        self._register("process", "--selector", f"unix:uid:{WORKLOAD}")
        self._add_pod(self.web, "--uid", UID)
        self._add_pod(self.db)

    def strangers(self) -> None:
        self.report.step("2. Who may not")
        status = Call(self, BROKER_USER, "anonymous", "pod", "web-0").status()
        self.report.expect("who shows no certificate makes no call (BR-1)", status == "UNAVAILABLE", status)
        status = Call(self, STRANGER, "stream", "pod", "web-0").status()
        self.report.expect("nor does who is not on the list, whatever it is (BR-4)", status == "UNAVAILABLE", status)
        told = f"{spiffe_id('stranger')} is not on the list of brokers"
        self.report.expect("the journal says who and why", "PSD7006" in self.a.log and told in self.a.log, told)
        outside = Call(self, WORKLOAD, "stream", "pod", "web-0")
        refused = outside.wait(lambda told: told.get("status") == "UNAVAILABLE")
        denied = "Permission denied" in outside.text and f"{spiffe_id('process')} is not on the list" not in self.a.log
        self.report.expect("who is not of the group does not get that far", refused and denied, outside.all)
        status = Call(self, BROKER_USER, "bare", "pod", "web-0").status()
        self.report.expect("a call without the header is invalid (BR-1)", status == "INVALID_ARGUMENT", status)
        status = Call(self, LIMITED, "stream", "pod", "web-0").status()
        self.report.expect("a broker may not do what the list does not say (BR-4)", status == "PERMISSION_DENIED", status)
        self.report.expect("which the journal says, too", "PSD7007" in self.a.log)

    def pods(self) -> None:
        self.report.step("3. A broker acts for pods")
        stream = Call(self, BROKER_USER, "stream", "pod", "web-0")
        self.report.expect("it gets the pod's SVID, from the node that it wanted (BR-1, BR-2)", stream.wait_for_ids("web"), stream.all)
        rotated = wait(lambda: len(stream.serials) >= 3, 40)
        self.report.expect("and is sent two more, each in time (BR-5)", bool(rotated), sorted(stream.serials))
        stream.end()
        token = Call(self, BROKER_USER, "token", "pod", "web-0")
        told = token.wait(lambda told: told.get("token") == spiffe_id("web"))
        self.report.expect("and a token that the bundle verifies (BR-2)", told is not None, token.all)
        by_uid = Call(self, BROKER_USER, "stream", "uid", UID)
        self.report.expect("a UID is enough (BR-3)", by_uid.wait_for_ids("web"), by_uid.all)
        by_tcp = Call(self, BROKER_USER, "stream", "pod", "db-0", by_tcp=True)
        self.report.expect("and so is TCP", by_tcp.wait_for_ids("db"), by_tcp.all)
        for call in (by_uid, by_tcp):
            call.end()
        for what, expected, *reference in (
            ("a pod that is not here is not found (BR-3)", NOT_FOUND, "pod", "other-0"),
            ("nor is a UID that no pod has (BR-4)", NOT_FOUND, "uid", OTHER_UID),
            ("a reference to nothing is invalid (BR-3)", INVALID, "nothing"),
            ("and so is a process without a number (BR-3)", INVALID, "pid", 0),
        ):
            status = Call(self, BROKER_USER, "stream", *reference).status()
            self.report.expect(what, status == expected, status)

        self.uids()

    def uids(self) -> None:
        refusal = self.a.refusal(*self._addition(self.db, "--uid", UID)) or ""
        self.report.expect("a second pod with a UID is refused", "is that of pod shop/web-0" in refusal, refusal)
        self._add_pod(self.db, "--uid", OTHER_UID)
        by_uid = Call(self, BROKER_USER, "stream", "uid", OTHER_UID)
        self.report.expect("a UID may be said later, of a pod that is there (BR-3)", by_uid.wait_for_ids("db"), by_uid.all)
        self._add_pod(self.db)
        self.report.expect("and need not be said again", not any("status" in told for told in by_uid.told), by_uid.all)
        by_uid.end()

    def processes(self) -> None:
        self.report.step("4. For processes, by a daemon with the unit's capabilities")
        self.a.stop()
        self.a.start("setpriv", f"--bounding-set=-all{''.join(f',+{name}' for name in CAPABILITIES)}", "--no-new-privs")
        self.process = self._process(WORKLOAD)
        stream = Call(self, LIMITED, "stream", "pid", self.process.pid)
        self.report.expect("by the number, what the node finds out (BR-4)", stream.wait_for_ids("process"), stream.all)
        self.watched = stream
        inside = self._process(WORKLOAD, self.db.namespace)
        in_pod = Call(self, BROKER_USER, "stream", "pid", inside.pid)
        self.report.expect("of one in a pod the pod's, and nothing of the host's (BR-4)", in_pod.wait_for_ids("db"), in_pod.all)
        in_pod.end()
        other = self._process(STRANGER, Namespace(self.run, "elsewhere"))
        status = Call(self, BROKER_USER, "stream", "pid", other.pid).status()
        self.report.expect("one of elsewhere has nothing, whose user it may be", status == NOT_ENTITLED, status)
        counting_anew = Call(self, LIMITED, "stream", "pid", self.process.pid, under=NEW_PID_NAMESPACE)
        status = counting_anew.status()
        denied = status == "PERMISSION_DENIED" and "PID namespace of its own" in counting_anew.text
        self.report.expect("the numbers of a broker in a PID namespace of its own are not the node's (BR-4)", denied, counting_anew.all)
        another = self._process(LIMITED)
        status = Call(self, BROKER_USER, "stream", "pid", another.pid).status()
        self.report.expect("nobody is given the identity of another broker (BR-4)", status == NOT_ENTITLED, status)
        status = Call(self, BROKER_USER, "stream", "pid", self.process.pid, by_tcp=True).status()
        self.report.expect("and no number counts over TCP (BR-4)", status == "PERMISSION_DENIED", status)

    def processes_that_end(self) -> None:
        self.report.step("5. A process ends")
        begin = time.monotonic()
        commands.kill_session(self.process)
        status = self.watched.status()
        self.report.expect("and its stream with it (BR-5)", status == NOT_FOUND, f"{status}, {time.monotonic() - begin:.2f} s")
        status = Call(self, LIMITED, "stream", "pid", self.process.pid).status()
        self.report.expect("its number is nobody's (BR-3)", status == NOT_FOUND, status)

    def pods_that_end(self) -> None:
        self.report.step("6. A pod's identity is revoked; a pod is removed")
        # The helper that enters namespaces is the daemon's own child here, and may do no more than it.
        self.a.stop()
        self.a.start()
        web, db = (Call(self, BROKER_USER, "stream", "pod", name) for name in ("web-0", "db-0"))
        self.report.expect("two streams", web.wait_for_ids("web") and db.wait_for_ids("db"), web.all + db.all)
        begin = time.monotonic()
        self.a.psid("revoke", "--spiffe-id", spiffe_id("web"))
        status = web.status()
        self.report.expect("a revoked identity is taken away (BR-5)", status == NOT_ENTITLED, f"{status}, {time.monotonic() - begin:.2f} s")
        serials = db.serials
        self.a.psid("pod", "remove", "db-0")
        self._add_pod(self.db)
        status = db.status()
        self.report.expect("a pod that is removed ends its stream, whatever comes under its name (BR-5)", status == NOT_FOUND, status)
        again = Call(self, BROKER_USER, "stream", "pod", "db-0")
        new = again.wait_for_ids("db") and again.serials.isdisjoint(serials)
        self.report.expect("which is another pod", new, again.all)
        again.end()
        self._slow_peer()

    def _slow_peer(self) -> None:
        """A peer that does not answer is given its time before a removal is done; streams do not wait for that."""
        token = self.a.ask("token", "generate", "--node", "node-b")
        peer = Daemon(self.run, self.net.b, node_configuration(self.run, self.net, token))
        peer.start()
        self.a.psid("entry", "create", "--spiffe-id", spiffe_id("peer"), "--node", "node-b", "--pod", "peer-0")
        peer.psid(*self._addition(self.net.add_pod(self.net.b, "peer-0", 10)))
        removed = self.net.add_pod(self.net.a, "cache-0", 12)
        self._register("cache", "--pod", "cache-0")
        self._add_pod(removed)
        stream = Call(self, BROKER_USER, "stream", "pod", "cache-0")
        self.report.expect("a third stream, and a peer that knows of its pod", stream.wait_for_ids("cache") and self._is_told(), stream.all)
        peer.tell(signal.SIGSTOP)
        removal = threading.Thread(target=lambda: self.a.psid("pod", "remove", "cache-0", timeout=60))
        removal.start()
        status = stream.status()
        # Not only by chance: it is still waited for the peer.
        removal.join(0.5)
        is_first = removal.is_alive()
        self.report.expect("the stream ends before a peer that is slow has heard (BR-5)", status == NOT_FOUND and is_first, status)
        peer.tell(signal.SIGCONT)
        removal.join()
        peer.stop()

    def _is_told(self) -> bool:
        return self.a.wait_for_peer("node-b") is not None

    def revoked_broker(self) -> None:
        self.report.step("7. A broker's own identity is revoked")
        process = self._process(WORKLOAD)
        own = Call(self, BROKER_USER, "stream", "pod", "db-0")
        other = Call(self, LIMITED, "stream", "pid", process.pid)
        self.report.expect("two brokers", own.wait_for_ids("db") and other.wait_for_ids("process"), own.all + other.all)
        begin = time.monotonic()
        self.a.psid("revoke", "--spiffe-id", spiffe_id("broker"))
        status = own.status()
        ended = status.split()[0] in ("UNAVAILABLE", "UNAUTHENTICATED")
        self.report.expect("its streams end (BR-1)", ended, f"{status}, {time.monotonic() - begin:.2f} s")
        said = wait(lambda: "PSD7008" in self.a.log, 5)
        self.report.expect("which the journal says", bool(said))
        self.report.expect("the other broker's go on (BR-5)", not any("status" in told for told in other.told), other.all)

    # Parts of the steps

    def _register(self, name: str, *facts: str) -> None:
        self.a.psid("entry", "create", "--spiffe-id", spiffe_id(name), "--node", "node-a", *facts)

    def _add_pod(self, pod, *more: str) -> None:
        self.a.psid(*self._addition(pod, *more))

    def _addition(self, pod, *more: str) -> tuple[str, ...]:
        return (
            "pod", "add", pod.name, "--namespace", "shop", "--service-account", "shop", "--netns", str(pod.namespace.path), *more)

    def _process(self, user: int, namespace: Optional[Namespace] = None):
        """A process of that user that waits; its own number is that of what was started."""
        become = ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")
        with (self.run.directory / "process.log").open("ab") as log:
            process = (namespace or self.net.a.namespace).spawn(*become, "sleep", "3600", log=log)
        self.run.at_end(lambda: commands.kill_session(process))
        wait(lambda: Path(f"/proc/{process.pid}/comm").read_text().strip() == "sleep", 5)
        return process
