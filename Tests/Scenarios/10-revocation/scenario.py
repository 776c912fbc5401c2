# SPDX-License-Identifier: Apache-2.0
"""Certificates, names, entries and nodes are revoked under traffic: see README.md beside this file."""

import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Optional

from harness import commands, workloads
from harness.commands import CommandFailed
from harness.configuration import node_configuration, standalone_configuration
from harness.daemons import Daemon, spiffe_id
from harness.kernel_map import Holders
from harness.lifetime import Run
from harness.report import Report
from harness.streams import Datagrams, DatagramStream
from harness.svid_stream import SVIDStream
from harness.topology import Pod, TwoNodes
from harness.waiting import wait

TITLE = "Identities are taken back: certificates, names, entries, nodes"

PORTS, RATE = (7001, 7002), 1000
# Longer than what is under way when something is revoked.
AFTERWARDS_SECONDS = 1
# What the kernel had let through before arrives within, on a busy machine.
UNDER_WAY_SECONDS = 0.05
# From the start of psid until the last packet.
LIMIT_SECONDS = 1
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


class Revocation:
    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        self.net = TwoNodes(run)
        self.web = self.net.add_pod(self.net.a, "web-0", 10)
        self.db, self.cache = (self.net.add_pod(self.net.b, f"{name}-0", host) for name, host in (("db", 10), ("cache", 11)))
        self.entries: dict[str, str] = {}

    def begin(self) -> None:
        self.report.step("An authority on node-a, two nodes, three pods")
        self.a = Daemon(self.run, self.net.a, standalone_configuration(self.run, self.net))
        self.a.start()
        token = self.a.ask("token", "generate", "--node", "node-b")
        self.b = Daemon(self.run, self.net.b, node_configuration(self.run, self.net, token))
        self.b.start()
        for daemon, pod, account in ((self.a, self.web, "web"), (self.b, self.db, "db"), (self.b, self.cache, "cache")):
            created = self.a.ask(
                "entry", "create", "--spiffe-id", account_id(account), "--node", daemon.node.name, "--label", f"app={account}")
            self.entries[account] = created["id"]
            daemon.add_pod(pod, account, account)
        self.holders = Holders(self.run, self.net.a)
        reached = wait(lambda: all(workloads.ping(self.web, pod) for pod in (self.db, self.cache)))
        self.report.expect("web-0 reaches both", reached)

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
        with self._traffic() as seen:
            begin = time.monotonic_ns()
            self.a.psid("revoke", "--serial", old, "--reason", "key-compromise")
            renewed = wait(lambda: self._serial() not in (old, None))
            reached = wait(lambda: workloads.ping(self.web, self.cache))
        self.report.expect("its holder has another soon", renewed, f"{old}, then {self._serial()}")
        self.report.expect("and is reached under that", reached)
        self._expect_within_a_second("a stream that web-0 holds has the list", bystander.seconds_to_new_lists(begin, lists))
        self._expect_nothing_lost(seen["db-0"])
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
        with self._traffic() as seen, self.holders.history(self.db.v4) as held:
            self.begun = begin = time.monotonic_ns()
            self.a.psid("revoke", "--node", "node-b")
            time.sleep(AFTERWARDS_SECONDS)
        self.report.expect("node-a's kernel lets go of its pods", held[-1].holder is None, held)
        last = max(stream.last_arrival for stream in seen.values())
        self._expect_within_a_second("nothing arrives any more", (last - begin) / 1e9)
        self._expect_within_a_second("a stream that web-0 holds has the list", bystander.seconds_to_new_lists(begin, lists))
        self._expect_no_session(self.a)
        listed = {certificate["spiffeID"] for certificate in self.a.ask("revoke", "list")["certificates"]}
        node = spiffe_id("podshield/node/node-b")
        self.report.expect("the list has its certificate and those of its pods", {node, account_id("db")} <= listed, sorted(listed))

    def node_itself(self) -> None:
        self.report.step("7. What that node makes of it")
        for pod, stream in self.held.items():
            self._expect_within_a_second(f"the stream that {pod} holds ends", stream.seconds_to_end(self.begun))
            self.report.expect("and is told that there is nothing for it", stream.status() == DENIED, stream.told[-1])
        self.report.expect("it knows", wait(lambda: self.b.finding(SHUT_OUT) is not None))
        self._expect_no_session(self.b)
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
        with self._traffic() as seen, self.holders.history(self.cache.v4) as held:
            begin = time.monotonic_ns()
            self.a.psid("revoke", *what)
            time.sleep(AFTERWARDS_SECONDS)
        self.report.expect("node-a's kernel lets go of it, once", [change.holder for change in held[1:]] == [None], held)
        self._expect_within_a_second("that is so", (held[-1].at - begin) / 1e9)
        self._expect_within_a_second("its own stream ends", revoked.seconds_to_end(begin))
        self.report.expect("and is told that there is nothing for it", revoked.status() == DENIED, revoked.told[-1])
        self._expect_within_a_second("a stream that web-0 holds has the list", bystander.seconds_to_new_lists(begin, lists))
        self.report.expect("and goes on", bystander.seconds_to_end(begin) is None, bystander.told)
        last = seen["cache-0"].last_arrival
        self._expect_within_a_second("nothing arrives any more", (last - begin) / 1e9)
        self.report.expect("some were sent in vain", seen["cache-0"].lost > 0, f"{seen['cache-0'].lost} datagrams")
        self.report.expect(
            "none got through that was sent after the kernel had let go", last - held[-1].at < UNDER_WAY_SECONDS * 1e9,
            f"the last arrived {(last - held[-1].at) / 1e6:.1f} ms after",
        )
        keys = [each for each in self.a.ask("datapath", "show")["associations"] if each["identity"] == held[0].holder]
        self.report.expect("node-a has no keys for it", not keys, keys or None)
        self._expect_nothing_lost(seen["db-0"])
        self.report.expect("it has no certificate", self._serial() is None, self._serial())

    def _expect_no_session(self, daemon: Daemon) -> None:
        def kept() -> dict[str, Any]:
            show = daemon.ask("datapath", "show")
            return {part: show[part] for part in ("associations", "peers", "remotes") if show[part]}

        self.report.expect(f"{daemon.node.name} has no key, peer or address of another", wait(lambda: not kept()), kept() or None)

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
    def _traffic(self) -> Iterator[dict[str, Datagrams]]:
        """From web-0 to both all the while; afterwards what became of it."""
        streams = {
            pod.name: DatagramStream(self.run, self.web, pod, 4, port, RATE)
            for pod, port in zip((self.db, self.cache), PORTS)
        }
        seen: dict[str, Datagrams] = {}
        time.sleep(0.3)
        yield seen
        seen.update({name: stream.stop() for name, stream in streams.items()})

    def _expect_within_a_second(self, what: str, seconds: Optional[float]) -> None:
        """`seconds` from the start of psid; nothing if it has not come about."""
        took = "it does not" if seconds is None else f"{seconds * 1000:.0f} ms after psid was started"
        self.report.expect(f"within a second {what}", seconds is not None and seconds < LIMIT_SECONDS, took)

    def _expect_nothing_lost(self, stream: Datagrams) -> None:
        self.report.expect(
            "db-0 has got everything", stream.lost == 0 and stream.sent > 0, f"{stream.lost} of {stream.sent} datagrams lost")

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
