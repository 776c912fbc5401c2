# SPDX-License-Identifier: Apache-2.0
"""Three authorities share a registry: see README.md beside this file."""

import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Optional

from harness import commands, sieve
from harness.configuration import authority_configuration, joining_configuration
from harness.daemons import Daemon, spiffe_id
from harness.etcd import CLIENT_PORT, Etcd
from harness.lifetime import Run
from harness.pings import Pings
from harness.report import Report
from harness.secrecy import expect_kept
from harness.tokens import Tokens, key_id
from harness.topology import Node, TwoNodes
from harness.waiting import wait

TITLE = "Three authorities share a registry in etcd: each of them may be gone"

MACHINES = (("node-c", 3), ("node-d", 4), ("node-e", 5))
TIME_LIMIT_SECONDS = 450
PATIENCE_SECONDS = 25
# Three members that say nothing, each for its time limit, come before that.
LONG_PATIENCE_SECONDS = 60
PODS_AT_ONCE = 4


def play(run: Run, report: Report) -> None:
    shared = Shared(run, report)
    shared.begun()
    shared.joined()
    shared.together()
    shared.one_gone()
    shared.leader_gone()
    shared.taken_back()
    shared.key_taken_out()
    shared.one_cut_off()
    shared.cut_off()
    shared.lost()
    shared.refused()


class Shared:
    """What the steps share: etcd, the authorities, two nodes and their pods."""

    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        self.net = TwoNodes(run)
        self.machines = [self.net.add_node(name, index) for name, index in MACHINES]
        self.etcd = Etcd(run, self.machines)
        self.authorities = [Daemon(run, machine, self._configuration(machine)) for machine in self.machines]
        # Those that they have in etcd.
        self.names = {machine.name: machine.name for machine in self.machines}
        self.numbers: dict[str, set[int]] = {}
        self.pods = 0

    def _configuration(self, machine: Node) -> str:
        certificate, key = self.etcd.certificate()
        members = ", ".join(f'"{member.v4}:{CLIENT_PORT}"' for member in self.machines)
        base = authority_configuration(self.run, self.net, machine)
        return base.replace("authority:\n", f"authority:\n  name: {machine.name}\n  auto-register: all-nodes\n") + f"""
etcd:
  members: [{members}]
  ca-file: {self.etcd.root}
  certificate-file: {certificate}
  key-file: {key}
"""

    # The steps

    def begun(self) -> None:
        self.report.step("1. Each brings a CA of its own, and what one is told the others know")
        for authority in self.authorities:
            authority.start()
        roots = wait(lambda: len({self._roots(each) for each in self.authorities}) == 1 and self._roots(self.authorities[0]))
        self.report.expect("one bundle of three roots at each", bool(roots) and roots.count("BEGIN CERTIFICATE") == 3)
        own = {self._own(each) for each in self.authorities}
        self.report.expect("each signs by another CA", len(own) == 3, own)
        first, second, third = self.authorities
        first.psid("entry", "create", "--spiffe-id", spiffe_id("ns/shop/sa/db"), "--label", "app=db")
        seen = wait(lambda: all(len(self._entries(each)) == 1 for each in self.authorities))
        self.report.expect("an entry that one was told of is at all", bool(seen))
        third.psid("entry", "delete", self._entries(third)[0]["id"])
        gone = wait(lambda: not self._entries(first) and not self._entries(second))
        self.report.expect("and gone from all when another is told to", bool(gone))
        expect_kept(self.report, self.run, first, "the key in client.key", "the key in ca.key")

    def joined(self) -> None:
        self.report.step("2. Nodes join one with the token of another")
        self.fingerprints = [each.ask("token", "generate")["rootFingerprint"] for each in self.authorities]
        self.a = self._node(self.net.a, by=self.authorities[2], at=(0, 1, 2))
        self.b = self._node(self.net.b, by=self.authorities[0], at=(1, 2, 0))
        at = [self._connection(node) for node in (self.a, self.b)]
        self.report.expect("each is with the first of its list", at == [self.machines[0].v4, self.machines[1].v4], at)
        self.web, self.db = self.net.add_pod(self.net.a, "web-0", 250), self.net.add_pod(self.net.b, "db-0", 250)
        self.a.add_pod(self.web, "web", "web")
        self.b.add_pod(self.db, "db", "db")
        issuers = {self._issuer(self.a, "web-0"), self._issuer(self.b, "db-0")}
        self.report.expect("their pods have SVIDs by different CAs", len(issuers) == 2)
        self.report.expect("which the two take for each other's", self.a.wait_for_peer("node-b") is not None)

    def together(self) -> None:
        self.report.step("3. Both ask at once for the same names")
        self._add_pods("at once")

    def one_gone(self) -> None:
        self.report.step("4. Each machine dies in turn, authority and etcd's member, while pods come and packets go")
        with Pings(self.net, self.web, self.db) as pings:
            for machine, authority in zip(self.machines, self.authorities):
                authority.stop(signal.SIGKILL)
                self.etcd.kill(machine)
                other = self._other(authority)
                other.psid("entry", "create", "--spiffe-id", spiffe_id(f"missed-by-{machine.name}"), "--selector", "unix:uid:1")
                self._add_pods(f"{machine.name} is gone")
                self.etcd.start(machine)
                back = wait(self.etcd.is_healthy, PATIENCE_SECONDS)
                authority.start()
                same = wait(lambda: self._knowledge(authority) == self._knowledge(self._other(authority)), PATIENCE_SECONDS)
                self.report.expect(f"{machine.name} is back and has what it missed", bool(back) and bool(same))
        self.report.expect("no ping was lost meanwhile", pings.lost == 0 and pings.sent > 100, f"{pings.lost} of {pings.sent}")
        twice = {name: numbers for name, numbers in self.numbers.items() if len(numbers) != 1}
        every = [number for numbers in self.numbers.values() for number in numbers]
        self.report.expect(
            "a name has one number, and a number one name", not twice and len(every) == len(set(every)), twice or f"{len(every)} names")

    def leader_gone(self) -> None:
        self.report.step("5. The leader of etcd dies, the authority beside it does not")
        leader = self.etcd.leader()
        beside = next(each for each in self.authorities if each.node is leader)
        self.etcd.kill(leader)
        begun = time.monotonic()
        done = wait(lambda: beside.refusal(
            "entry", "create", "--spiffe-id", spiffe_id("led"), "--selector", "unix:uid:2") is None, PATIENCE_SECONDS)
        self.report.expect(
            "what is changed there is changed once there is another", bool(done), f"{leader.name} led; {time.monotonic() - begun:.1f} s")
        self.report.expect("another member leads", self.etcd.leader() is not leader)
        self._add_pods("the leader is gone")
        self.etcd.start(leader)
        back = wait(self.etcd.is_healthy, PATIENCE_SECONDS)
        same = wait(lambda: len({self._knowledge(each) for each in self.authorities}) == 1, PATIENCE_SECONDS)
        entries = [entry for entry in self._entries(beside) if entry["spiffeID"] == spiffe_id("led")]
        self.report.expect("all authorities know the same, and nothing twice", bool(back) and bool(same) and len(entries) == 1, entries)

    def taken_back(self) -> None:
        self.report.step("6. What one has issued another takes back")
        issuer = self._issuer(self.a, "web-0")
        others = [each for each in self.authorities if self._own(each) != issuer]
        serial = self._serial(self.a, "web-0")
        others[0].psid("revoke", "--serial", serial)
        replaced = wait(lambda: self._serial(self.a, "web-0") not in (serial, None), PATIENCE_SECONDS)
        self.report.expect("the pod has another SVID", bool(replaced))
        others[1].psid("revoke", "--spiffe-id", spiffe_id("ns/shop/sa/web"))
        gone = wait(lambda: self._serial(self.a, "web-0") is None, PATIENCE_SECONDS)
        self.report.expect("and none once its name is revoked at a third", bool(gone))

    def key_taken_out(self) -> None:
        self.report.step("7. The key that one signs tokens with another takes out")
        tokens, nodes = Tokens("till"), (self.a, self.b)
        self.authorities[0].psid("entry", "create", "--spiffe-id", spiffe_id("teller"), "--node", "node-b", "--selector", "unix:uid:0")
        wait(lambda: tokens.is_had(self.b), PATIENCE_SECONDS)
        token = tokens.fetch(self.b)
        leaked = key_id(token)
        self.report.expect("both nodes take a token", tokens.takers(token, nodes) == ["node-a", "node-b"], leaked)
        owner = next(each for each in self.authorities if self._signs_with(each) == leaked)
        other = self._other(owner)
        seen = other.refusal("authority", "jwt", "taint", "--", leaked)
        self.report.expect("another does not taint its key", "ask that one" in (seen or ""), seen)
        other.psid("authority", "jwt", "revoke", "--force", "--", leaked)
        refused = wait(lambda: tokens.takers(token, nodes) == [])
        self.report.expect("by force another takes it out, and no node takes the token", bool(refused))
        again = wait(lambda: tokens.is_had(self.b) and tokens.takers(tokens.fetch(self.b), nodes) == ["node-a", "node-b"], PATIENCE_SECONDS)
        signer = key_id(tokens.fetch(self.b))
        self.report.expect("the next is good, by another key", bool(again) and signer != leaked, signer)
        same = wait(lambda: all(leaked not in self._token_keys(each) for each in self.authorities))
        self.report.expect("no authority lists it", bool(same))
        gone = wait(lambda: not (self.run.directory / owner.node.name / f"state/authority/jwt-{leaked}.key").exists(), LONG_PATIENCE_SECONDS)
        self.report.expect("the owner has no file of it, and its journal says so", bool(gone) and "PSD2066" in owner.log)

    def one_cut_off(self) -> None:
        self.report.step("8. What the authority of node-b asks of etcd gets lost on the way")
        left = next(each for each in self.authorities if each.node.v4 == self._connection(self.b))
        with sieve.unheard(left.node.namespace, (left.node.uplink, "lo"), CLIENT_PORT):
            elsewhere = wait(lambda: self._connection(self.b) not in ("", left.node.v4), LONG_PATIENCE_SECONDS)
            self.report.expect("node-b goes to another", bool(elsewhere), self._connection(self.b))
            self.report.expect("PSD2060 there", "PSD2060" in left.log)
            begin = time.monotonic()
            seen = [left.refusal("entry", "create", "--spiffe-id", spiffe_id("x"), "--selector", f"unix:uid:{n}") for n in range(5)]
            self.report.expect(
                "five changes are refused without waiting for etcd", all("no member of etcd answers" in (each or "") for each in seen),
                f"{time.monotonic() - begin:.1f} s: {seen[0]}")
            self._add_pods("one authority is cut off")
        other = self._other(left)
        same = wait(lambda: self._knowledge(left) == self._knowledge(other), PATIENCE_SECONDS)
        self.report.expect("it has what it missed once it hears again", bool(same))
        self.report.expect("PSD2061", bool(wait(lambda: "PSD2061" in left.log)))

    def cut_off(self) -> None:
        self.report.step("9. Of etcd one member alone is left")
        before = {each: each.log.count("PSD2060") for each in self.authorities}
        for machine in self.machines[:2]:
            self.etcd.kill(machine)
        said = wait(lambda: all(each.log.count("PSD2060") > before[each] for each in self.authorities), LONG_PATIENCE_SECONDS)
        self.report.expect("PSD2060 at each", bool(said))
        seen = self.authorities[2].refusal("entry", "create", "--spiffe-id", spiffe_id("x"), "--selector", "unix:uid:1")
        self.report.expect("nothing is changed, and the reason said", "no member of etcd answers" in (seen or ""), seen)
        with Pings(self.net, self.net.a.pods["a0"], self.net.b.pods["b0"]) as pings:
            time.sleep(2)
        self.report.expect("packets go on", pings.lost == 0 and pings.sent > 100, f"{pings.lost} of {pings.sent} pings lost")
        restarted = self.authorities[2]
        restarted.stop()
        restarted.launch()
        wait(lambda: restarted.ended_with is not None, LONG_PATIENCE_SECONDS)
        line = restarted.log.splitlines()[-1]
        self.report.expect(
            "an authority that starts meanwhile does not, and says why", restarted.ended_with == 1 and "no member of etcd answers" in line,
            f"{restarted.ended_with}: {line}")
        for machine in self.machines[:2]:
            self.etcd.start(machine)
        others = [each for each in self.authorities if each is not restarted]
        back = wait(lambda: all(each.log.count("PSD2061") == each.log.count("PSD2060") for each in others), PATIENCE_SECONDS)
        self.report.expect("PSD2061 when the others are back", bool(back))
        restarted.start()
        same = wait(lambda: self._knowledge(restarted) == self._knowledge(self._other(restarted)), PATIENCE_SECONDS)
        self.report.expect("the one that did not start does, and knows what the others know", bool(same))
        done = wait(lambda: self.authorities[2].refusal("entry", "create", "--spiffe-id", spiffe_id("y"), "--selector", "unix:uid:1") is None)
        self.report.expect("and changes are made", bool(done))

    def lost(self) -> None:
        self.report.step("10. etcd is lost")
        first, *others = self.authorities
        wait(lambda: self._knowledge(first) == self._knowledge(others[0]) == self._knowledge(others[1]), PATIENCE_SECONDS)
        before, entries = max(number for numbers in self.numbers.values() for number in numbers), self._entries(first)
        for authority in self.authorities:
            authority.stop()
        self.etcd.ctl("del", "--prefix", "podshield/")
        first.launch()
        said = wait(lambda: not first.is_running and "is gone, or of a time before" in first.log, PATIENCE_SECONDS)
        self.report.expect("an etcd that was emptied is no new beginning", bool(said))
        archive = self.run.directory / "authority.tar"
        first.psid("backup", "--out", str(archive))
        first.psid("restore", "--force", str(archive))
        first.start()
        self.report.expect("one goes on with what it knew, restored from its own backup", self._entries(first) == entries)
        self._add_pods("one authority begins anew")
        after = min(max(numbers) for numbers in list(self.numbers.values())[-PODS_AT_ONCE:])
        self.report.expect("by numbers far beyond all that were given out", after > before + (1 << 20), f"{before}, then {after}")
        former = [self._own(authority, asked=first) for authority in others]
        for authority in others:
            self._begin_anew(authority)
        same = wait(lambda: self._roots(others[0]) == self._roots(others[1]) == self._roots(first), PATIENCE_SECONDS)
        self.report.expect("the others come to it under other names", bool(same) and self._roots(first).count("BEGIN CERTIFICATE") == 5)
        for fingerprint in former:
            first.psid("authority", "revoke", "--force", fingerprint)
        fewer = wait(lambda: all(self._roots(each).count("BEGIN CERTIFICATE") == 3 for each in self.authorities), PATIENCE_SECONDS)
        self.report.expect("and what they were before is taken out", bool(fewer))

    def refused(self) -> None:
        self.report.step("11. What is not theirs")
        first = self.authorities[0]
        foreign = self._own(self.authorities[1])
        seen = first.refusal("authority", "taint", foreign)
        self.report.expect("one does not lead another's CA on", "ask that one" in (seen or ""), seen)
        self.authorities[1].stop(signal.SIGKILL)
        first.psid("authority", "revoke", "--force", foreign)
        fewer = wait(lambda: all(self._roots(each).count("BEGIN CERTIFICATE") == 2 for each in (first, self.authorities[2])))
        self.report.expect("but has nobody trust that of one that is gone", bool(fewer))
        self.authorities[1].launch()
        said = wait(lambda: not self.authorities[1].is_running and "another authority" in self.authorities[1].log, PATIENCE_SECONDS)
        self.report.expect("which does not come back with it", bool(said), self.authorities[1].log.splitlines()[-1])
        first.psid("authority", "revoke", "--force", self._own(self.authorities[2]))
        ended = wait(lambda: not self.authorities[2].is_running, PATIENCE_SECONDS)
        self.report.expect("one that is there ends when its CA is taken out", bool(ended))
        self.report.expect("and says why", "another authority has taken out the CA" in self.authorities[2].log)

    # Parts of the steps

    def _node(self, node: Node, by: Daemon, at: tuple[int, ...]) -> Daemon:
        token = by.ask("token", "generate", "--node", node.name)
        addresses = ", ".join(f'"{self.machines[index].v4}:7601"' for index in at)
        token["rootFingerprint"] = "[" + ", ".join(self.fingerprints) + "]"
        text = joining_configuration(self.run, self.net, token, node, f"token: {token['token']}")
        text = text.replace(f'authority: "{token["authorityAddress"]}"', f"authority: [{addresses}]")
        daemon = Daemon(self.run, node, text)
        daemon.start()
        return daemon

    def _begin_anew(self, authority: Daemon) -> None:
        """Without what it knew, under another name."""
        name = authority.node.name
        state = self.run.directory / name / "state"
        state.rename(state.with_name("state.lost"))
        self.names[name] = f"{name}-again"
        text = authority.configuration_file.read_text()
        authority.configuration_file.write_text(text.replace(f"  name: {name}\n", f"  name: {self.names[name]}\n"))
        authority.start()

    def _add_pods(self, when: str) -> None:
        """Pods of the same new names on both nodes, all at once."""
        begin = self.pods
        self.pods += PODS_AT_ONCE
        new = [
            (node, self.net.add_pod(node.node, f"{node.node.name[-1]}{number}", 10 + number), f"sa-{number}")
            for number in range(begin, self.pods) for node in (self.a, self.b)
        ]
        with ThreadPoolExecutor(len(new)) as pool:
            added = list(pool.map(lambda each: self._added(*each), new))
        failed = [failure for failure in added if failure]
        self.report.expect(f"{len(new)} pods get their SVIDs: {when}", not failed, failed or None)
        for node, pod, account in new:
            held = self._pod(node, pod.name)
            self.numbers.setdefault(account, set()).add(held["identity"] if held else 0)

    def _added(self, node: Daemon, pod: Any, account: str) -> Optional[str]:
        refusal = "not tried"
        def is_added() -> bool:
            nonlocal refusal
            refusal = node.refusal(
                "pod", "add", pod.name, "--namespace", "shop", "--service-account", account, "--netns", str(pod.namespace.path))
            return refusal is None or "already" in refusal
        wait(is_added, PATIENCE_SECONDS)
        has = wait(lambda: self._serial(node, pod.name), PATIENCE_SECONDS)
        return None if has else f"{pod.name}: {refusal}"

    def _pod(self, node: Daemon, name: str) -> Optional[dict[str, Any]]:
        return next((pod for pod in node.ask("pod", "list")["pods"] if pod["name"] == name), None)

    def _serial(self, node: Daemon, pod: str) -> Optional[str]:
        """Of the SVID that a pod holds."""
        try:
            return node.ask("issue", "--pod", pod)["serial"]
        except (commands.CommandFailed, KeyError, TypeError):
            return None

    def _issuer(self, node: Daemon, pod: str) -> str:
        """Fingerprint of the CA that issued a pod's SVID: the root that it is under."""
        directory = self.run.directory / f"svid-{pod}"
        node.psid("issue", "--pod", pod, "--out", str(directory))
        for authority in self.authorities:
            own = self._own(authority)
            root = self.run.directory / authority.node.name / "state/authority/ca.pem"
            try:
                commands.run("openssl", "verify", "-CAfile", str(root), str(directory / "svid.pem"))
                return own
            except commands.CommandFailed:
                continue
        return ""

    def _connection(self, node: Daemon) -> str:
        """The address of the authority that it was connected to last."""
        lines = [line for line in node.log.splitlines() if "PSD3004" in line]
        return lines[-1].rpartition(" ")[2].rpartition(":")[0] if lines else ""

    def _own(self, authority: Daemon, asked: Optional[Daemon] = None) -> str:
        """Fingerprint of its CA, as it says or another."""
        cas = (asked or authority).ask("authority", "list")["authorities"]
        return next(ca["fingerprint"] for ca in cas if ca["owner"] == self.names[authority.node.name])

    def _token_keys(self, authority: Daemon) -> dict[str, dict[str, Any]]:
        return {key["keyID"]: key for key in authority.ask("authority", "jwt", "list")["keys"]}

    def _signs_with(self, authority: Daemon) -> Optional[str]:
        """ID of the key that it signs tokens with."""
        name = self.names[authority.node.name]
        keys = self._token_keys(authority)
        return next((key for key, said in keys.items() if said["owner"] == name and said["state"] == "active"), None)

    def _roots(self, authority: Daemon) -> str:
        return authority.psid("bundle", "show", "--format", "pem")

    def _entries(self, authority: Daemon) -> list[dict[str, Any]]:
        return authority.ask("entry", "show")["entries"]

    def _knowledge(self, authority: Daemon) -> str:
        return json.dumps([authority.ask("entry", "show"), authority.ask("node", "list")], sort_keys=True)

    def _other(self, authority: Daemon) -> Daemon:
        return next(each for each in self.authorities if each is not authority and each.is_running)
