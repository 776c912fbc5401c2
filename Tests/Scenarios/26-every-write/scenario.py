# SPDX-License-Identifier: Apache-2.0
"""Daemons die, are told to end, and disks fail, at writes of the state: see README.md beside this file."""

import shutil
import signal
import threading
import time
from typing import Any, Callable, Iterator, Optional

from harness.commands import CommandFailed
from harness.configuration import authority_configuration, node_configuration
from harness.daemons import Daemon, spiffe_id
from harness.fate import Fate
from harness.lifetime import Run
from harness.report import Report
from harness.storage import Storage
from harness.topology import TwoNodes
from harness.waiting import wait

TITLE = "Daemons die, are told to end, and disks fail, at writes of the state; nothing that was told is lost"

# Places at which one thing is interrupted: from the first write to the last.
PLACES, FEW_PLACES = 7, 4
# A start takes no longer.
END_SECONDS = 20
# As the unit allows.
STOP_SECONDS = 15
# After the start of the program, in seconds.
MOMENTS = (0.02, 0.05, 0.07, 0.09, 0.11, 0.13, 0.4, 1.0)
STARTED = "PSD1001"
NOT_SAVED = "PSD3014"
# Who goes on after a failure to write is no more to end then.
SURVIVAL_SECONDS = 2
# As libc and SQLite say it.
FAILED_DISK = ("Input/output error", "disk I/O error")


def play(run: Run, report: Report) -> None:
    writes = EveryWrite(run, report)
    writes.first_start()
    writes.registry()
    writes.successor()
    writes.node_begins()
    writes.node_renews()
    writes.disk_of_the_authority()
    writes.disk_of_the_node()
    writes.told_to_end()


class Watched:
    """A daemon whose files are watched."""

    def __init__(self, run: Run, daemon: Daemon) -> None:
        self.daemon = daemon
        self.state = run.directory / daemon.node.name / "state"
        self.storage = Storage(run, self.state)

    def start(self) -> None:
        self.storage.plan()
        self.daemon.start(*self.storage.prefix)

    def count(self, body: Callable[[], Any]) -> int:
        """How many writes that takes."""
        self.storage.plan()
        body()
        return self.storage.count

    def dies(self) -> bool:
        return wait(lambda: not self.daemon.is_running, END_SECONDS)

    @property
    def leftovers(self) -> list[str]:
        """What writers left there that were killed."""
        return [path.name for path in self.state.rglob("*.new-*")]


def places(count: int, most: int) -> Iterator[int]:
    """Numbers from the first to the last, evenly."""
    yield from sorted({1 + (count - 1) * number // max(min(most, count) - 1, 1) for number in range(min(most, count))})


class EveryWrite:
    """An authority on a machine of its own, and node-b with a pod."""

    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        self.net = TwoNodes(run)
        self.pod, self.late = (self.net.add_pod(self.net.b, name, host) for name, host in (("db-0", 10), ("late-0", 11)))
        machine = self.net.add_node("authority", 3)
        self.authority = Watched(run, Daemon(run, machine, authority_configuration(run, net=self.net, machine=machine)))
        self.psid, self.ask = self.authority.daemon.psid, self.authority.daemon.ask
        # Entries that psid said were created.
        self.told: set[str] = set()

    # The authority

    def first_start(self) -> None:
        self.report.step("1. kill -9 of an authority at writes of its first start")
        count = self.authority.count(self.authority.start)
        self.report.note(f"{count} writes")
        for place in places(count, PLACES):
            self.authority.daemon.stop(signal.SIGKILL)
            shutil.rmtree(self.authority.state)
            self.authority.storage.plan(Fate.KILL, place)
            self.authority.daemon.launch(*self.authority.storage.prefix)
            died = self.authority.dies()
            self.authority.start()
            self._expect_sound(f"write {place} of {count}", died)

    def registry(self) -> None:
        self.report.step("2. kill -9 at writes while an entry is created")
        self._kill_at_each("an entry", self._create_entry, FEW_PLACES)
        listed = {entry["id"] for entry in self.ask("entry", "list")["entries"]}
        self.report.expect("every entry that psid was told of is there", self.told <= listed, f"{len(self.told)} of {len(listed)}")

    def successor(self) -> None:
        self.report.step("3. kill -9 at writes while another CA, or key, is made")
        for what, prepare, revoke in (("CA", self._prepare_ca, self._revoke_ca), ("key for JWT-SVIDs", self._prepare_key, self._revoke_key)):
            self._kill_at_each(f"a {what} is made", prepare, PLACES, undo=revoke)
            self._kill_at_each(f"a {what} is taken out", revoke, FEW_PLACES, undo=prepare)
            revoke()

    # The node

    def node_begins(self) -> None:
        self.report.step("4. kill -9 of a node at writes of its first start, and of its pods'")
        self.node = self._new_node()
        count = self.node.count(self.node.start)
        self.report.note(f"{count} writes")
        for place in places(count, FEW_PLACES):
            self.node.daemon.stop(signal.SIGKILL)
            shutil.rmtree(self.node.state)
            self.node.daemon.take(self._token())
            self.node.storage.plan(Fate.KILL, place)
            self.node.daemon.launch(*self.node.storage.prefix)
            died = self.node.dies()
            # A token is used up once the authority has answered.
            self.node.daemon.take(self._token())
            self.node.start()
            self._expect_node(f"write {place} of {count}", died)
        self.psid("entry", "create", "--spiffe-id", spiffe_id("ns/shop/sa/db"), "--node", "node-b", "--label", "app=db")
        self.node.daemon.add_pod(self.pod, "db", "db")
        self._kill_while_a_pod_comes()

    def _kill_while_a_pod_comes(self) -> None:
        count = self.node.count(self._add_late)
        for place in places(count, FEW_PLACES):
            self.node.daemon.psid("pod", "remove", "late-0")
            self.node.storage.plan(Fate.KILL, place)
            said = self._add_late()
            died = self.node.dies()
            self.node.start()
            self._expect_node(f"a pod is added, write {place} of {count}", died)
            held = {pod["name"] for pod in self.node.daemon.ask("pod", "list")["pods"]}
            self.report.expect("the pods of before are there, and this one if psid was told so", {"db-0"} <= held and (said or "late-0" in held), held)
            self._add_late()

    def node_renews(self) -> None:
        self.report.step("5. kill -9 at writes while a pod's SVID is renewed, of the node and of the authority")
        count = self.node.count(self._renew)
        for place in places(count, FEW_PLACES):
            before = self._serial()
            self.node.storage.plan(Fate.KILL, place)
            self.node.daemon.refusal("issue", "--pod", "db-0", "--renew")
            died = self.node.dies()
            self.node.start()
            self._expect_node(f"the node at write {place} of {count}", died)
            self._expect_known(before)
        count = self.authority.count(self._renew)
        for place in places(count, FEW_PLACES):
            before = self._serial()
            self.authority.storage.plan(Fate.KILL, place)
            asking = threading.Thread(target=self.node.daemon.refusal, args=("issue", "--pod", "db-0", "--renew"))
            asking.start()
            died = self.authority.dies()
            self.authority.start()
            asking.join()
            self._expect_sound(f"the authority at write {place} of {count}", died)
            self.report.expect("the node has asked once more, and has another", self._serial() != before)
            self._expect_known(before)

    # Disks

    def disk_of_the_authority(self) -> None:
        self.report.step("6. The authority's disk fails at one write, and at all")
        count = self.authority.count(self._create_entry)
        for place in places(count, FEW_PLACES):
            self.authority.storage.plan(Fate.FAIL_ONCE, place)
            said = self._create_entry()
            self.report.expect(f"write {place} of {count} fails: psid says that it was not done", said is not None, said)
            again = self._create_entry()
            self.report.expect("the daemon goes on, and does the next", again is None and self.authority.daemon.is_running, again)
        self.authority.storage.plan(Fate.FAIL_ALL)
        said = self._create_entry()
        self.report.expect("all fail: psid is told so", said is not None, said)
        self._restart(self.authority, signal.SIGTERM)
        listed = {entry["id"] for entry in self.ask("entry", "list")["entries"]}
        self.report.expect("what psid was told of is there", self.told <= listed, f"{len(self.told)} of {len(listed)}")
        self._expect_start_without_disk(self.authority)

    def disk_of_the_node(self) -> None:
        self.report.step("7. The node's disk fails")
        count = self.node.count(self._renew)
        for place in places(count, FEW_PLACES):
            told = len(self.node.daemon.log)
            self.node.storage.plan(Fate.FAIL_ONCE, place)
            self._renew()
            said = [line for line in self.node.daemon.log[told:].splitlines() if NOT_SAVED in line]
            self.report.expect(f"write {place} of {count} fails: the pod has its SVID, and the journal says that it is not saved", said, said)
        before = self._serial()
        self._restart(self.node, signal.SIGTERM)
        self._expect_node("it starts again", True)
        self._expect_known(before)
        self._expect_start_without_disk(self.node)

    def told_to_end(self) -> None:
        self.report.step("8. Each is told to end in the midst of its start")
        for watched in (self.authority, self.node):
            watched.daemon.stop()
            for moment in MOMENTS:
                told = len(watched.daemon.log)
                watched.storage.plan()
                watched.daemon.launch(*watched.storage.prefix)
                time.sleep(moment)
                watched.daemon.tell(signal.SIGTERM)
                self._expect_end(watched, told, f"after {moment * 1000:.0f} ms")
            for place in (1, 2, 3):
                told = len(watched.daemon.log)
                watched.storage.plan(Fate.END, place)
                watched.daemon.launch(*watched.storage.prefix)
                self._expect_end(watched, told, f"at its write {place}")
            watched.start()
        self._expect_sound("afterwards", True)
        self._expect_node("afterwards", True)

    # Parts of the steps

    def _kill_at_each(
        self, what: str, ask: Callable[[], Optional[str]], most: int, undo: Callable[[], Optional[str]] = lambda: None
    ) -> None:
        """`undo` is no error where there is nothing to undo."""
        undo()
        count = self.authority.count(ask)
        for place in places(count, most):
            undo()
            self.authority.storage.plan(Fate.KILL, place)
            ask()
            died = self.authority.dies()
            self.authority.start()
            self._expect_sound(f"{what}, write {place} of {count}", died)

    def _restart(self, watched: Watched, how: int) -> None:
        watched.daemon.stop(how)
        watched.start()

    def _create_entry(self) -> Optional[str]:
        """What psid says when it is not done."""
        name = spiffe_id(f"entry-{time.monotonic_ns()}")
        try:
            self.told.add(self.ask("entry", "create", "--spiffe-id", name, "--selector", "unix:uid:1")["id"])
        except CommandFailed as failure:
            return failure.output.strip()
        return None

    def _prepare_ca(self) -> Optional[str]:
        return self.authority.daemon.refusal("authority", "prepare")

    def _revoke_ca(self) -> Optional[str]:
        prepared = [each["fingerprint"] for each in self._authorities() if each["state"] == "prepared"]
        return self.authority.daemon.refusal("authority", "revoke", *prepared)

    def _prepare_key(self) -> Optional[str]:
        return self.authority.daemon.refusal("authority", "jwt", "prepare")

    def _revoke_key(self) -> Optional[str]:
        prepared = [each["keyID"] for each in self.ask("authority", "jwt", "list")["keys"] if each["state"] == "prepared"]
        return self.authority.daemon.refusal("authority", "jwt", "revoke", "--", *prepared)

    def _authorities(self) -> list[dict[str, Any]]:
        return self.ask("authority", "list")["authorities"]

    def _new_node(self) -> Watched:
        return Watched(self.run, Daemon(self.run, self.net.b, node_configuration(self.run, self.net, self._token())))

    def _token(self) -> dict[str, Any]:
        return self.ask("token", "generate", "--node", "node-b")

    def _add_late(self) -> Optional[str]:
        try:
            self.node.daemon.add_pod(self.late, "db", "db")
        except CommandFailed as failure:
            return failure.output.strip()
        return None

    def _renew(self) -> None:
        self.node.daemon.psid("issue", "--pod", "db-0", "--renew")

    def _serial(self) -> str:
        return self.node.daemon.ask("issue", "--pod", "db-0")["serial"]

    def _expect_sound(self, what: str, died: bool) -> None:
        """The authority has one CA that signs, the key of each CA and for each token that there is, and can make a token for a node."""
        files = self.authority.state / "authority"
        authorities = self.ask("authority", "list")["authorities"]
        signing = [each["fingerprint"][:16] for each in authorities if each["state"] == "active"]
        seen = {
            "signing": signing, "CAs": len(authorities), "their keys": len([*files.glob("ca*.key")]),
            "keys for tokens": len(self.ask("authority", "jwt", "list")["keys"]), "in files": len([*files.glob("jwt-*.key")]),
            "left over": self.authority.leftovers, "died": died,
        }
        is_sound = len(signing) == 1 and seen["CAs"] == seen["their keys"] and seen["keys for tokens"] == seen["in files"]
        self.report.expect(
            f"{what}: it has died, and works", died and is_sound and not seen["left over"] and bool(self._token()), seen)

    def _expect_node(self, what: str, died: bool) -> None:
        connected = wait(lambda: self.node.daemon.reaches_authority)
        seen = {"died": died, "connected": connected, "left over": self.node.leftovers}
        self.report.expect(f"{what}: it has died, and works", died and connected and not seen["left over"], seen)

    def _expect_known(self, before: str) -> None:
        """What the node has, the authority knows: else it could not be taken back."""
        serial = self._serial()
        known = self.authority.daemon.refusal("revoke", "--serial", serial, "--dry-run")
        self.report.expect("the authority knows the pod's SVID", known is None, known or f"{before}, now {serial}")

    def _expect_start_without_disk(self, watched: Watched) -> None:
        """It does not start, or goes on without; either way it says why."""
        watched.daemon.stop()
        count = watched.count(watched.start)
        for place in (1, count // 2):
            watched.daemon.stop()
            told = len(watched.daemon.log)
            watched.storage.plan(Fate.FAIL_ALL, place)
            watched.daemon.launch(*watched.storage.prefix)
            said = wait(lambda: [line for line in watched.daemon.log[told:].splitlines() if any(word in line for word in FAILED_DISK)])
            wait(lambda: not watched.daemon.is_running, SURVIVAL_SECONDS)
            goes_on = watched.daemon.is_running and any(NOT_SAVED in line for line in said)
            self.report.expect(
                f"{watched.daemon.node.name} with a disk that fails from write {place} of {count} on: it says why it does not start, or what it "
                "cannot save", said and (goes_on or watched.daemon.ended_with == 1), (watched.daemon.ended_with, said[-1:]))
        watched.daemon.stop()
        watched.start()

    def _expect_end(self, watched: Watched, told: int, when: str) -> None:
        begin = time.monotonic()
        wait(lambda: not watched.daemon.is_running, STOP_SECONDS)
        has_begun = STARTED in watched.daemon.log[told:]
        self.report.expect(
            f"{watched.daemon.node.name} {when}: it ends with 0, in time",
            watched.daemon.ended_with in ((0,) if has_begun else (0, -signal.SIGTERM)),
            f"status {watched.daemon.ended_with} after {time.monotonic() - begin:.1f} s{'' if has_begun else ', before it had begun'}")
