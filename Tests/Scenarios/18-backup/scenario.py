# SPDX-License-Identifier: Apache-2.0
"""The authority's state is lost and comes from a backup: see README.md beside this file."""

import contextlib
import shutil
import signal
import sqlite3
import stat
import tarfile
import threading
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

from harness import commands, workloads
from harness.configuration import authority_configuration, node_configuration
from harness.daemons import Daemon, binaries, spiffe_id
from harness.lifetime import Run
from harness.report import Report
from harness.topology import Node, TwoNodes
from harness.traffic import Traffic
from harness.waiting import wait

# Every packet counts, and nobody else is to have the processors.
ALONE = True
TITLE = "The authority's state is lost and comes from a backup; nodes and traffic go on"

TCP_RATE, UDP_RATE = 2_000_000, 200
LEAST_ENTRIES = 10
REFUSALS = ("PSD3017", "PSD4004", "PSD4005", "PSD3007", "PSD3009")


def play(run: Run, report: Report) -> None:
    loss = Loss(run, report)
    loss.begin()
    loss.back_up()
    loss.more()
    loss.refused_while_it_runs()
    loss.lose()
    loss.refused()
    loss.restore()
    loss.go_on()
    loss.reckon()


class Loss:
    """An authority on a machine of its own, and two nodes with their pods."""

    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        self.net = TwoNodes(run)
        self.machine = self.net.add_node("authority", 3)
        self.web = self.net.add_pod(self.net.a, "web-0", 10)
        self.late = self.net.add_pod(self.net.a, "late-0", 11)
        self.again = self.net.add_pod(self.net.a, "again-0", 12)
        self.db = self.net.add_pod(self.net.b, "db-0", 10)
        self.file = run.directory / "backup.tar"
        self.state = run.directory / "authority/state/authority"

    def begin(self) -> None:
        self.report.step("1. An authority, two nodes, two pods and their traffic")
        self.authority = Daemon(self.run, self.machine, authority_configuration(self.run, self.net, self.machine))
        self.authority.start()
        self.a, self.b = (self._join(node) for node in (self.net.a, self.net.b))
        for daemon, pod, name in ((self.a, self.web, "web"), (self.b, self.db, "db")):
            self._entry(f"ns/shop/sa/{name}", "--label", f"app={name}")
            daemon.add_pod(pod, name, name)
        self.report.expect("web-0 reaches db-0", wait(lambda: workloads.ping(self.web, self.db)))
        self.unused = self.authority.ask("token", "generate", "--node", "node-d")
        self.before = self._identities()
        self.begun = [(daemon, len(daemon.log)) for daemon in (self.a, self.b)]
        self.traffic = Traffic(self.run, self.web, self.db, TCP_RATE, UDP_RATE)

    def back_up(self) -> None:
        self.report.step("2. A backup while entries are created")
        with self._entries_all_the_while() as made:
            wait(lambda: len(made) >= LEAST_ENTRIES)
            self.authority.psid("backup", "--out", str(self.file))
            held = len(made)
            wait(lambda: len(made) >= held + LEAST_ENTRIES)
        mode = stat.S_IMODE(self.file.stat().st_mode)
        self.report.expect("the file is its owner's alone", mode == 0o600, oct(mode))
        opened = self.run.directory / "opened"
        opened.mkdir(mode=0o700)
        names = commands.run("tar", "-xvf", str(self.file), "-C", str(opened)).split()
        ends = ["FORMAT", "ca.pem", "ca.key"], ["authority.sqlite", "SHA256SUMS"]
        self.report.expect(
            "registry, certificate and keys are in it",
            names[:3] == ends[0] and names[-2:] == ends[1] and any(name.startswith("jwt-") for name in names), names)
        sums = commands.run("sh", "-c", f"cd {opened} && sha256sum --check --strict SHA256SUMS")
        self.report.expect("sha256sum agrees", sums.count(": OK") == len(names) - 1)
        with contextlib.closing(sqlite3.connect(opened / "authority.sqlite")) as registry:
            paths = {row[0] for row in registry.execute("SELECT spiffe_id FROM entries WHERE spiffe_id LIKE '%/load/%'")}
        moment = {spiffe_id(f"load/{number}") for number in range(len(paths))}
        self.report.expect(
            "it has the entries up to one moment", paths == moment and LEAST_ENTRIES <= len(paths) <= held + 1,
            f"{len(paths)} of {len(made)}")
        self.held = len(paths)
        left = [path.name for path in self.state.iterdir() if ".new-" in path.name]
        self.report.expect("nothing is left beside the registry", not left, left or None)
        stream = self.run.directory / "stream.tar"
        self._in_shell(f"backup --out - > {stream}")
        with tarfile.open(stream) as archive:
            self.report.expect("- is standard output", archive.getnames() == names, stream.stat().st_size)

    def more(self) -> None:
        self.report.step("3. More is given out that the backup does not know")
        self._entry("ns/shop/sa/late", "--label", "app=late")
        self.a.add_pod(self.late, "late", "late")
        self.late_number = self._identities()["late-0"][1]
        self.banned = self._join(self.net.add_node("node-c", 4)).node
        self.authority.psid("node", "ban", self.banned.name)
        self.authority.psid("revoke", "--spiffe-id", spiffe_id("load/0"))
        self.revision = self._revision()
        self.report.expect("late-0 reaches db-0", wait(lambda: workloads.ping(self.late, self.db)), self.late_number)

    def refused_while_it_runs(self) -> None:
        self.report.step("4. Beside a daemon that runs nothing is restored")
        self._expect_refused("not even with --force", "stop it first", "--force", str(self.file))

    def lose(self) -> None:
        self.report.step("5. The authority is killed")
        self.authority.stop(signal.SIGKILL)
        before = self._contents()
        self._expect_refused("what is there is not replaced unasked", "--force", str(self.file))
        self.report.expect("it is as it was", self._contents() == before, sorted(before))
        self.damaged = self._other("damaged.tar", lambda whole: whole[:70000] + bytes([whole[70000] ^ 1]) + whole[70001:])
        self._expect_refused("nor by a backup that is damaged", "damaged", "--force", str(self.damaged))
        self.report.expect("it is as it was", self._contents() == before, sorted(before))
        shutil.rmtree(self.state)
        self.report.note("its state directory is lost")

    def refused(self) -> None:
        self.report.step("6. What is no whole backup is refused, and leaves nothing")
        cut = self._other("cut.tar", lambda whole: whole[:-2000])
        other = self._other("other.tar", lambda whole: whole.replace(b"authority backup 1", b"authority backup 9"))
        for what, because, file in (
            ("one byte is another", "damaged", self.damaged), ("its end is missing", "its end is missing", cut),
            ("of another version", "another version", other), ("no archive", "no archive", self.authority.configuration_file),
            ("a link to elsewhere", "no archive", self._link()),
        ):
            self._expect_refused(what, because, str(file))
        left = [path.name for path in self.state.parent.iterdir() if path.name.startswith("authority")]
        self.report.expect("there is no authority, nor a part of one", not left, left or None)

    def restore(self) -> None:
        self.report.step("7. The backup is restored")
        told = self._in_shell(f"restore - < {self.file}")
        self.report.note(told)
        for word in ("revoked", "banned", "go on far beyond", "new backup"):
            self.report.expect(f"it says what is to be known: {word}", word in told)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in self.state.iterdir()}
        self.report.expect("all of it is its owner's alone", set(modes.values()) == {0o600}, modes)
        self.authority.start()

    def go_on(self) -> None:
        self.report.step("8. The nodes go on")
        back = wait(lambda: self.a.reaches_authority and self.b.reaches_authority, 60)
        self.report.expect("both are back by themselves", back)
        revision = wait(lambda: (seen := self._revision()) > self.revision and seen)
        self.report.expect("they take its directory, which is a later one", revision, f"{self.revision}, then {revision}")
        same = self._identities().items() >= self.before.items()
        self.report.expect("web-0 and db-0 are who they were, by the same numbers", same, self._identities())
        entries = self.authority.ask("entry", "count")
        self.report.expect("the registry is that of the backup", entries["count"] == self.held + 2, entries)
        for pod, daemon in (("web-0", self.a), ("db-0", self.b)):
            daemon.psid("issue", "--pod", pod, "--renew")
        self.report.expect("also with new certificates", self._identities().items() >= self.before.items())
        self._entry("ns/shop/sa/again", "--label", "app=again")
        self.a.add_pod(self.again, "again", "again")
        number = self._identities()["again-0"][1]
        self.report.expect(
            "a new pod has no number that another has had", number > self.late_number, f"{self.late_number}, then {number}")
        self.report.expect("it reaches db-0", wait(lambda: workloads.ping(self.again, self.db)))
        self.report.expect("late-0, whose entry is lost, goes on with what it has", workloads.ping(self.late, self.db))
        unknown = self._told("late-0", "PSD3009")
        self.report.expect("its node says that late-0 has no entry", unknown, unknown and unknown[-1])
        self._entry("ns/shop/sa/late", "--label", "app=late")
        self.report.expect(
            "once its entry is back it has another number, and goes on",
            wait(lambda: self._identities()["late-0"][1] > number and workloads.ping(self.late, self.db)), self._identities()["late-0"])
        self._expect_void_token()

    def reckon(self) -> None:
        self.report.step("9. What became of the traffic")
        carried = self.traffic.stop()
        self.report.expect("the TCP connection of the whole time is whole", carried.tcp.is_whole, f"{carried.tcp.sent / 1e6:.0f} MB")
        for name, stream in carried.udp.items():
            self.report.expect(
                f"UDP {name}: nothing is lost, nothing comes twice",
                stream.lost == 0 and stream.repeated == 0 and stream.sent > 0, f"{stream.lost} of {stream.sent} lost")
        expected = (self.banned.name, self.banned.v4, "late-0")
        told = [line for line in self._told("", *REFUSALS) if not any(name in line for name in expected)]
        self.report.expect("nobody else's link was refused, no other renewal failed", not told, told or None)

    # Parts of the steps

    def _join(self, node: Node, token: Optional[dict[str, Any]] = None) -> Daemon:
        token = token or self.authority.ask("token", "generate", "--node", node.name)
        daemon = Daemon(self.run, node, node_configuration(self.run, self.net, token, node))
        daemon.start()
        return daemon

    def _entry(self, path: str, *selector: str) -> None:
        self.authority.psid("entry", "create", "--spiffe-id", spiffe_id(path), *selector)

    @contextlib.contextmanager
    def _entries_all_the_while(self) -> Iterator[list[int]]:
        """One after another, for as long as it is open; those that are there by now."""
        made: list[int] = []
        ends = threading.Event()

        def create() -> None:
            while not ends.is_set():
                self._entry(f"load/{len(made)}", "--selector", f"unix:uid:{10000 + len(made)}")
                made.append(len(made))

        creating = threading.Thread(target=create)
        creating.start()
        try:
            yield made
        finally:
            ends.set()
            creating.join()

    def _identities(self) -> dict[str, tuple[str, int]]:
        """Who each pod is, and by which number."""
        pods = [pod for daemon in (self.a, self.b) for pod in daemon.ask("pod", "list")["pods"]]
        return {pod["name"]: (pod["spiffeID"], pod["identity"]) for pod in pods}

    def _revision(self) -> int:
        """Of the older of the nodes' directories."""
        return min(daemon.ask("status")["node"]["directoryRevision"] for daemon in (self.a, self.b))

    def _told(self, naming: str, *codes: str) -> list[str]:
        """Lines of the nodes' journals since the traffic began, with one of these codes and that word."""
        lines = [line for daemon, begun in self.begun for line in daemon.log[begun:].splitlines()]
        return [line for line in lines if naming in line and any(code in line for code in codes)]

    def _expect_void_token(self) -> None:
        node = self.net.add_node("node-d", 5)
        daemon = Daemon(self.run, node, node_configuration(self.run, self.net, self.unused, node))
        daemon.launch()
        wait(lambda: not daemon.is_running)
        refusal = next((line for line in self.authority.log.splitlines() if "PSD2005" in line), None)
        self.report.expect("a token from before is void", not daemon.is_running and refusal and "unknown" in refusal, refusal)

    def _in_shell(self, words: str) -> str:
        """psid on the authority, with streams led elsewhere."""
        return commands.run("sh", "-c", f"umask 077; {binaries() / 'psid'} --config {self.authority.configuration_file} {words}")

    def _contents(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.state.iterdir()}

    def _other(self, name: str, change: Callable[[bytes], bytes]) -> Path:
        """The backup, changed."""
        file = self.run.directory / name
        file.touch(mode=0o600)
        file.write_bytes(change(self.file.read_bytes()))
        return file

    def _link(self) -> Path:
        """An archive that another program made, with a link in it."""
        file = self.run.directory / "link.tar"
        with tarfile.open(file, "w", format=tarfile.USTAR_FORMAT) as archive:
            link = tarfile.TarInfo("ca.key")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/shadow"
            archive.addfile(link)
        return file

    def _expect_refused(self, what: str, because: str, *arguments: str) -> None:
        seen = self.authority.refusal("restore", *arguments) or "it was done"
        self.report.expect(what, because in seen and len(seen.splitlines()) == 1, seen)
