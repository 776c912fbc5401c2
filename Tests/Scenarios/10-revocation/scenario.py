# SPDX-License-Identifier: Apache-2.0
"""Certificates, names, entries and nodes are revoked under traffic: see README.md beside this file."""

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Optional

from harness import commands, workloads
from harness.commands import CommandFailed
from harness.configuration import node_configuration, standalone_configuration
from harness.daemons import Daemon, spiffe_id
from harness.kernel_map import Change, Holders
from harness.lifetime import Run
from harness.report import Report
from harness.streams import Datagrams, DatagramStream
from harness.svid_stream import SVIDStream
from harness.topology import Node, Pod, TwoNodes
from harness.waiting import wait

TITLE = "Identities are taken back: certificates, names, entries, nodes"

FIRST_PORT, RATE = 7001, 400
# Longer than what is under way when something is revoked.
AFTERWARDS_SECONDS = 1
# From the start of psid until the last packet.
LIMIT_SECONDS = 1
# Of `psid datapath show`, and what of each has the number of a node.
PARTS = {"associations": "peer", "peers": "node", "remotes": "peer"}
SHUT_OUT = "PSD3017"
DENIED = "PERMISSION_DENIED"


def play(run: Run, report: Report) -> None:
    revocation = Revocation(run, report)
    revocation.begin()
    revocation.dry_run()
    revocation.certificate()
    revocation.name()
    revocation.entry()
    revocation.entry_meanwhile()
    revocation.node()
    revocation.node_itself()
    revocation.back()


def account_id(account: str) -> str:
    return spiffe_id(f"ns/shop/sa/{account}")


@dataclass(frozen=True)
class Peer:
    """A node that is connected to the authority, and a pod of it, which sends all the time to those of node-b."""

    daemon: Daemon
    pod: Pod
    holders: Holders

    @property
    def name(self) -> str:
        return self.daemon.node.name

    def keys(self, identity: Optional[int]) -> set[int]:
        """SPIs of those that its kernel has for an identity."""
        return {each["spi"] for each in self.daemon.ask("datapath", "show")["associations"] if each["identity"] == identity}


class Revocation:
    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        self.net = TwoNodes(run)
        self.third = self.net.add_node("node-c", 3)
        for other in (self.net.a, self.net.b):
            self.net.route(self.third, other)
            self.net.route(other, self.third)
        self.web, self.mail = self.net.add_pod(self.net.a, "web-0", 10), self.net.add_pod(self.third, "mail-0", 10)
        self.db, self.cache = (self.net.add_pod(self.net.b, f"{name}-0", host) for name, host in (("db", 10), ("cache", 11)))
        self.entries: dict[str, str] = {}

    def begin(self) -> None:
        self.report.step("An authority on node-a, three nodes, four pods")
        self.a = Daemon(self.run, self.net.a, standalone_configuration(self.run, self.net))
        self.a.start()
        self.b, self.c = self._join(self.net.b), self._join(self.third)
        for daemon, pod, account in (
            (self.a, self.web, "web"), (self.c, self.mail, "mail"), (self.b, self.db, "db"), (self.b, self.cache, "cache"),
        ):
            created = self.a.ask(
                "entry", "create", "--spiffe-id", account_id(account), "--node", daemon.node.name, "--label", f"app={account}")
            self.entries[account] = created["id"]
            daemon.add_pod(pod, account, account)
        self.peers = [
            Peer(daemon, pod, Holders(self.run, daemon.node)) for daemon, pod in ((self.a, self.web), (self.c, self.mail))]
        for peer in self.peers:
            reached = wait(lambda: all(workloads.ping(peer.pod, pod) for pod in (self.db, self.cache)))
            self.report.expect(f"{peer.pod.name} of {peer.name} reaches both of node-b", reached)

    def dry_run(self) -> None:
        self.report.step("1. A dry run")
        concerned = self.a.ask("revoke", "--spiffe-id", account_id("cache"), "--dry-run")
        names = [certificate["spiffeID"] for certificate in concerned["certificates"]]
        self.report.expect("it shows the one certificate", names == [account_id("cache")], concerned)
        listed = self.a.ask("revoke", "list")
        self.report.expect("and changes nothing", not listed["certificates"] and not listed["revocations"], listed)

    def certificate(self) -> None:
        self.report.step("2. A certificate")
        old, before = self._serial(), self._certificate("before")
        bystander = self._stream(self.web, self.a)
        lists = bystander.lists
        identity = self.peers[0].holders.holder(self.cache.v4)
        keys = {peer: peer.keys(identity) for peer in self.peers}
        with self._traffic() as seen, self._histories(self.cache) as histories:
            begin = time.monotonic_ns()
            self.a.psid("revoke", "--serial", old, "--reason", "key-compromise")
            renewed = wait(lambda: self._serial() not in (old, None))
            reached = wait(lambda: all(workloads.ping(peer.pod, self.cache) for peer in self.peers))
        self.report.expect("its holder has another soon", renewed, f"{old}, then {self._serial()}")
        self.report.expect("and is reached under that", reached)
        self._expect_within_a_second("a stream that web-0 holds has the list", bystander.seconds_to_new_lists(begin, lists))
        for peer, held in histories.items():
            self.report.expect(
                f"{peer.name}'s kernel lets go of it until it has shown the other",
                [change.holder for change in held] == [identity, None, identity], held)
            self._expect_within_a_second(f"{peer.name}'s lets go", (held[1].at - begin) / 1e9 if held[1:] else None)
            kept = keys[peer] & peer.keys(identity)
            self.report.expect(f"{peer.name} has other keys for it", keys[peer] and not kept, kept or None)
        self._expect_nothing_lost(seen)
        self.report.expect("who has the list refuses the old one", "revoked" in self._verify(before), self._verify(before))
        verdict = self._verify(self._certificate("after"))
        self.report.expect("and takes the new one", verdict.endswith("OK"), verdict)

    def name(self) -> None:
        self.report.step("3. A name")
        self._expect_cache_to_go("--spiffe-id", account_id("cache"))
        self._lift("--spiffe-id", account_id("cache"))

    def entry(self) -> None:
        self.report.step("4. An entry")
        self._expect_cache_to_go("--entry", self.entries["cache"], "--reason", "privilege-withdrawn")
        self._lift("--entry", self.entries["cache"])

    def entry_meanwhile(self) -> None:
        self.report.step("5. An entry, while node-b's daemon is away")
        self.b.stop()
        self.a.psid("revoke", "--entry", self.entries["cache"], "--reason", "privilege-withdrawn")
        self.b.start()
        gone = wait(lambda: self._serial() is None)
        self.report.expect("node-b hears of it when it is back", gone, self._serial())
        self.report.expect("web-0 reaches cache-0 no more", not workloads.ping(self.web, self.cache))
        self.report.expect("and db-0 as before", wait(lambda: workloads.ping(self.web, self.db)))
        self._lift("--entry", self.entries["cache"])

    def node(self) -> None:
        self.report.step("6. A node")
        bystander = self._stream(self.web, self.a)
        self.held = {pod.name: self._stream(pod, self.b) for pod in (self.db, self.cache)}
        lists = bystander.lists
        with self._traffic() as seen, self._histories(self.db) as histories:
            self.begun = begin = time.monotonic_ns()
            self.a.psid("revoke", "--node", "node-b")
            time.sleep(AFTERWARDS_SECONDS)
        for peer, held in histories.items():
            self._expect_let_go(peer, held, [seen[peer, pod.name] for pod in (self.db, self.cache)], begin)
        self._expect_within_a_second("a stream that web-0 holds has the list", bystander.seconds_to_new_lists(begin, lists))
        for peer in self.peers:
            self._expect_nothing_of({"node-b"}, peer.daemon)
        listed = {certificate["spiffeID"] for certificate in self.a.ask("revoke", "list")["certificates"]}
        node = spiffe_id("podshield/node/node-b")
        self.report.expect("the list has its certificate and those of its pods", {node, account_id("db")} <= listed, sorted(listed))

    def node_itself(self) -> None:
        self.report.step("7. What that node makes of it")
        for pod, stream in self.held.items():
            self._expect_within_a_second(f"the stream that {pod} holds ends", stream.seconds_to_end(self.begun))
            self.report.expect("and is told that there is nothing for it", stream.status() == DENIED, stream.told[-1])
        self.report.expect("it knows", wait(lambda: self.b.finding(SHUT_OUT) is not None))
        self._expect_nothing_of({"node-a", "node-c"}, self.b)
        identities = {pod["identity"] for pod in self.b.ask("datapath", "show")["pods"]}
        self.report.expect("nor has its kernel an identity for its pods", identities == {0}, identities)
        self._expect_nothing_given("whoever asks gets nothing")
        self.b.stop()
        # That it is shut out keeps psid from calling it ready.
        self.b.launch()
        self._expect_nothing_given("nor after a restart")

    def back(self) -> None:
        self.report.step("8. It is let in again")
        self.a.psid("node", "evict", "node-b")
        self.b.take(self.a.ask("token", "generate", "--node", "node-b"))
        self.b.stop()
        self.b.start()
        begin = time.monotonic()
        reached = wait(lambda: all(workloads.ping(self.web, pod) for pod in (self.db, self.cache)))
        self.report.expect(
            "evicted, with a new token and what is on its disk, it has its pods reached", reached,
            f"{time.monotonic() - begin:.1f} s after its start")
        given = self._stream(self.db, self.b).told[0]["svids"]
        self.report.expect("and they are given identities", len(given) == 1, given)

    # Parts of the steps

    def _expect_cache_to_go(self, *what: str) -> None:
        """At once: from node-a's kernel, from its streams, and with the keys for it."""
        revoked, bystander = self._stream(self.cache, self.b), self._stream(self.web, self.a)
        lists = bystander.lists
        with self._traffic() as seen, self._histories(self.cache) as histories:
            begin = time.monotonic_ns()
            self.a.psid("revoke", *what)
            time.sleep(AFTERWARDS_SECONDS)
        for peer, held in histories.items():
            self._expect_let_go(peer, held, [seen[peer, "cache-0"]], begin)
            keys = peer.keys(held[0].holder)
            self.report.expect(f"{peer.name} has no keys for it", not keys, keys or None)
        self._expect_within_a_second("its own stream ends", revoked.seconds_to_end(begin))
        self.report.expect("and is told that there is nothing for it", revoked.status() == DENIED, revoked.told[-1])
        self._expect_within_a_second("a stream that web-0 holds has the list", bystander.seconds_to_new_lists(begin, lists))
        self.report.expect("and goes on", bystander.seconds_to_end(begin) is None, bystander.told)
        self._expect_nothing_lost(seen)
        self.report.expect("it has no certificate", self._serial() is None, self._serial())

    def _expect_let_go(self, peer: Peer, held: list[Change], streams: list[Datagrams], begin: int) -> None:
        """The node's kernel of the address, within a second, and nothing that its pod sends after that arrives."""
        self.report.expect(f"{peer.name}'s kernel lets go of it, once", [change.holder for change in held[1:]] == [None], held)
        self._expect_within_a_second(f"{peer.name}'s does", (held[-1].at - begin) / 1e9)
        last = max(stream.last_sent for stream in streams)
        self.report.expect(
            f"of {peer.pod.name} nothing gets through that it sent after that", last <= held[-1].at,
            f"what came last was sent {(held[-1].at - last) / 1e6:.1f} ms before")
        lost = sum(stream.lost for stream in streams)
        self.report.expect("though it sent some", lost > 0, f"{lost} datagrams")

    def _expect_nothing_of(self, names: set[str], daemon: Daemon) -> None:
        numbers = {node["number"] for node in self.a.ask("node", "list")["nodes"] if node["name"] in names}

        def kept() -> list[Any]:
            show = daemon.ask("datapath", "show")
            return [part for parts, number in PARTS.items() for part in show[parts] if part[number] in numbers]

        self.report.expect(
            f"{daemon.node.name} has no key, peer or address of {', '.join(sorted(names))}",
            len(numbers) == len(names) and wait(lambda: not kept()), kept() or None)

    def _expect_nothing_given(self, when: str) -> None:
        def end() -> Optional[str]:
            return SVIDStream(self.run, self.db.namespace, self.b.workload_socket).status()

        self.report.expect(when, wait(lambda: end() == DENIED), end())
        kept = [path.name for part in ("workloads", "entries") for path in (self.run.directory / "node-b/state/node" / part).iterdir()]
        self.report.expect("there is nothing on its disk", not kept, kept or None)
        refusal = self.b.refusal("issue", "--pod", "db-0") or "it was given out"
        self.report.expect("nor does psid get it, who is told why", "node-b is banned" in refusal, refusal)

    def _stream(self, pod: Pod, daemon: Daemon) -> SVIDStream:
        return SVIDStream(self.run, pod.namespace, daemon.workload_socket).once_told()

    @contextmanager
    def _traffic(self) -> Iterator[dict[tuple[Peer, str], Datagrams]]:
        """From each peer's pod to both all the while; afterwards what became of it."""
        streams = {
            (peer, pod.name): DatagramStream(self.run, peer.pod, pod, 4, port, RATE)
            for port, peer in enumerate(self.peers, FIRST_PORT) for pod in (self.db, self.cache)
        }
        seen: dict[tuple[Peer, str], Datagrams] = {}
        time.sleep(0.3)
        yield seen
        seen.update({name: stream.stop() for name, stream in streams.items()})

    @contextmanager
    def _histories(self, pod: Pod) -> Iterator[dict[Peer, list[Change]]]:
        """Who has its address in the kernel of each peer."""
        with ExitStack() as stack:
            yield {peer: stack.enter_context(peer.holders.history(pod.v4)) for peer in self.peers}

    def _expect_within_a_second(self, what: str, seconds: Optional[float]) -> None:
        """`seconds` from the start of psid; nothing if it has not come about."""
        took = "it does not" if seconds is None else f"{seconds * 1000:.0f} ms after psid was started"
        self.report.expect(f"within a second {what}", seconds is not None and seconds < LIMIT_SECONDS, took)

    def _expect_nothing_lost(self, seen: dict[tuple[Peer, str], Datagrams]) -> None:
        for (peer, target), stream in seen.items():
            if target == "db-0":
                self.report.expect(
                    f"db-0 has got everything from {peer.pod.name}", stream.lost == 0 and stream.sent > 0,
                    f"{stream.lost} of {stream.sent} datagrams lost")

    def _join(self, node: Node) -> Daemon:
        token = self.a.ask("token", "generate", "--node", node.name)
        daemon = Daemon(self.run, node, node_configuration(self.run, self.net, token, node))
        daemon.start()
        return daemon

    def _lift(self, option: str, name: str) -> None:
        self.a.psid("revoke", "lift", option, name)
        self.report.expect("lifted: it is reached again", wait(lambda: workloads.ping(self.web, self.cache)))

    def _svid(self, pod: Pod) -> Optional[dict[str, str]]:
        try:
            return self.b.ask("issue", "--pod", pod.name)
        except CommandFailed:
            return None

    def _serial(self) -> Optional[str]:
        svid = self._svid(self.cache)
        return svid and svid["serial"]

    def _certificate(self, name: str) -> Path:
        """The one that cache-0 has now, in a file."""
        directory = self.run.directory / name
        self.b.psid("issue", "--pod", self.cache.name, "--out", str(directory))
        return directory

    def _verify(self, directory: Path) -> str:
        """What `openssl verify` says of it, with the list at hand."""
        crl = self.run.directory / "list.pem"
        crl.write_text(self.a.psid("revoke", "crl"))
        try:
            return commands.run(
                "openssl", "verify", "-x509_strict", "-crl_check", "-CRLfile", str(crl),
                "-CAfile", str(directory / "bundle.pem"), str(directory / "svid.pem"),
            ).strip()
        except CommandFailed as failure:
            return failure.output.strip()
