# SPDX-License-Identifier: Apache-2.0
"""Floods of each kind beside established traffic: see README.md in this folder."""

import json
import secrets
import signal
import socket
import struct
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Callable, Iterator, Optional

sys.path.insert(0, str(Path(__file__).resolve().parent))

import siege  # noqa: E402
from member import KINDS, Member, lines_about  # noqa: E402
from reasons import NOISY, Source, all_sources, flood  # noqa: E402

from harness import commands  # noqa: E402
from harness.configuration import authority_configuration, node_configuration  # noqa: E402
from harness.daemons import ESP_PORT, Daemon, spiffe_id  # noqa: E402
from harness.lifetime import Run  # noqa: E402
from harness.packets import ETHERNET, SealedPacket  # noqa: E402
from harness.report import Report  # noqa: E402
from harness.topology import Node, Pod, TwoNodes  # noqa: E402
from harness.traffic import Calendar, Traffic  # noqa: E402
from harness.waiting import wait  # noqa: E402

TIME_LIMIT_SECONDS = 500
# Every packet counts, and nobody else is to have the processors.
ALONE = True
TITLE = "Floods of strangers and of packets leave established traffic alone"

LINK_PORT, AUTHORITY_PORT = 7600, 7601
TCP_RATE, UDP_RATE = 5_000_000, 500
SECONDS = 2
# Of reports of thousands of prefixes, one of which takes a moment.
LEASES_SECONDS = 6
MANY_SOURCES = 32
# Of packets: so many in a group, then a pause. The CPU that makes them is the one that the nodes work with.
GROUP, PAUSE_SECONDS = 50, 0.01
# Over all floods together: an authority lets 1024 strangers wait, at some 64 KiB each.
MOST_GROWTH_KB = 128 << 10
MOST_LINES_OF_PACKETS = 1000
# Within its rate for a moment and beyond it again, a source is told of again.
MOST_TOLD = 100
ADMIN_CONNECTIONS, ADMIN_SECONDS = 200, 5
MOST_ABOUT_A_MEMBER = 300
PEER_NOISY = " PSD4017 "
# While one peer gives the link all it can do.
REKEY_SECONDS = 5
# The codes say that a connection was refused, the words that it was for their number.
LINK_FLOOD, AUTHORITY_FLOOD = " PSD4005 ", " PSD2002 "
TOO_MANY = "too many connections"
SMALL_TABLE, CROWD = 16, 20
LEAST_REASONS = 10
# Of a reason, a second: the daemons' own setting when nothing else is said.
EVENT_RATE = 100
EVENTS_LOST, LOST_SECONDS = " PSD5011 ", 15
SMALL_TABLES = f"""
tables:
  security-associations: {SMALL_TABLE}
  event-ring: 65536
"""
PROOF_REFUSED, NO_ROOM = " PSD4011 ", "no-room"
STRANGERS = Path(__file__).with_name("strangers.py")


def play(run: Run, report: Report) -> None:
    floods = Floods(run, report)
    floods.begin()
    with floods.under_load():
        floods.of_connections("the node link", floods.b, LINK_PORT, LINK_FLOOD)
        floods.of_connections("the authority", floods.authority, AUTHORITY_PORT, AUTHORITY_FLOOD)
        floods.of_sealed_packets()
        floods.of_icmp_errors_and_fragments()
        floods.of_admin_connections()
        floods.of_many_reasons()
        floods.of_workloads()
        floods.of_a_member()
        floods.of_leases()
        siege.play(floods)


class Floods:
    """What the steps share: three daemons, two pods, and a stranger with many addresses on their wire."""

    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        self.net = TwoNodes(run)
        self.machine = self.net.add_node("authority", 3)
        self.stranger = self.net.add_node("stranger", 4)
        self.sources = [f"192.0.2.{100 + number}" for number in range(MANY_SOURCES)]
        self.stranger.namespace.batch(*(f"address add {source}/24 dev uplink" for source in self.sources))
        self.web = self.net.add_pod(self.net.a, "web-0", 10)
        self.db = self.net.add_pod(self.net.b, "db-0", 10)
        self.calendar = Calendar()
        self.plain_pods = self._add_plain_pods()
        self.credentials = run.directory / "foreign.pem"

    def _add_plain_pods(self) -> tuple[Pod, Pod]:
        """Two nodes with a pod each on another wire, without Podshield: what this machine loses while it is flooded."""
        net = TwoNodes(self.run, prefix="plain-")
        return net.add_pod(net.a, "web-0", 10), net.add_pod(net.b, "db-0", 10)

    def begin(self) -> None:
        self.report.step("1. An authority, two nodes with a pod each, and a stranger on their wire")
        self.authority = Daemon(self.run, self.machine, authority_configuration(self.run, self.net, self.machine))
        self.authority.start()
        self.a, self.b = self._node(self.net.a, SMALL_TABLES), self._node(self.net.b)
        self.daemons = (self.authority, self.a, self.b)
        self._register("web", "node-a")
        self._register("db", "node-b")
        self.a.add_pod(self.web, "web", "web")
        self.b.add_pod(self.db, "db", "db")
        peer = self.a.wait_for_peer("node-b")
        self.report.expect("the nodes have a session", peer is not None, peer and peer["epoch"])
        commands.run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
            "/CN=stranger", "-keyout", str(self.credentials), "-out", str(self.credentials.with_suffix(".crt")),
        )
        with self.credentials.open("a") as file:
            file.write(self.credentials.with_suffix(".crt").read_text())

    @contextmanager
    def under_load(self) -> Iterator[None]:
        self.resident = {daemon.node.name: resident_kb(daemon) for daemon in self.daemons}
        plain, sealed = (Traffic(self.run, *pods, TCP_RATE, UDP_RATE) for pods in (self.plain_pods, (self.web, self.db)))
        yield
        self.report.step("11. What became of the traffic of the whole time")
        carried, beside = sealed.stop(), plain.stop()
        self.report.expect("in the clear, all of it passed", beside.tcp.is_whole, f"{beside.loss:.3%} of UDP lost")
        carried.expect_no_more_lost(self.report, beside, self.calendar)

    # MARK: Connections

    def of_connections(self, what: str, victim: Daemon, port: int, code: str) -> None:
        self.report.step(f"{2 if port == LINK_PORT else 3}. Strangers connect to {what}")
        for kind, sources in (
            ("silent", 1), ("silent", MANY_SOURCES), ("half", MANY_SOURCES), ("foreign", MANY_SOURCES), ("rekeying", MANY_SOURCES),
        ):
            floods = told(victim, code)
            with self._aside(f"{kind}, from {sources} addresses"):
                seen = self._strangers(kind, victim.node, port, self.sources[:sources])
                self.report.expect("they connect, and none is let in", *self._no_way_in(seen))
            lines = told(victim, code) - floods
            if sources == 1:
                self.report.expect(f"the journal tells of a flood,{code}once or little more", 0 < lines <= MOST_TOLD, lines)

    def _strangers(self, kind: str, node: Node, port: int, sources: list[str]) -> dict[str, int]:
        arguments = (kind, node.v4, str(port), str(SECONDS), str(self.credentials), *sources)
        return json.loads(self.stranger.namespace.run("/usr/bin/python3", str(STRANGERS), *arguments, timeout=60))

    def _no_way_in(self, seen: dict[str, int]) -> tuple[bool, dict[str, int]]:
        return seen["opened"] > 0 and seen["passed"] == 0, seen

    # MARK: Packets

    def of_sealed_packets(self) -> None:
        self.report.step("4. Sealed packets that are none, on the wire to node-b")
        kinds: dict[str, Callable[[SealedPacket], bytes]] = {
            "unknown-spi": lambda sealed: sealed.with_spi(secrets.randbelow(1 << 31) | 1 << 31),
            "bad-tag": lambda sealed: sealed.with_sequence(sealed.sequence + 1_000_000 + secrets.randbelow(1_000_000)),
            "replay": lambda sealed: sealed.frame,
        }
        for reason, frame in kinds.items():
            # Anew for each: its SA goes with the keys that change after a flood.
            sealed = self._overheard()
            before, lines = self.b.drops().get(reason, 0), self.b.log.count("\n")
            with self._aside(reason):
                sent = self._send("to-node-b", lambda: frame(sealed))
            counted, lines = self.b.drops().get(reason, 0) - before, self.b.log.count("\n") - lines
            self.report.expect("node-b has counted each of them", counted >= sent, f"{counted} dropped, {sent} sent")
            self.report.expect("and its journal is not flooded", lines < MOST_LINES_OF_PACKETS, f"{lines} lines")

    def of_icmp_errors_and_fragments(self) -> None:
        self.report.step("5. ICMP errors about packets that nobody sent, and fragments; the admin socket")
        sealed = self._overheard()
        with self._aside("too big, to node-a, about SPIs that are none"):
            self._send("to-node-a", lambda: too_big(sealed, secrets.randbits(32)))
        with self._aside("first fragments without a second one, to node-b"):
            self._send("to-node-b", lambda: first_fragment(sealed, secrets.randbits(16)))

    def _overheard(self, source: str = "", port: str = "to-node-b") -> SealedPacket:
        """A packet over IPv4, from node-a to node-b unless something else is asked for."""
        def wanted(frame: bytes) -> bool:
            packet = SealedPacket.parse(frame, ESP_PORT)
            return packet is not None and packet.source == (source or self.net.a.v4)

        with self.net.wire.tap(port) as tap:
            frame = tap.wait_for(wanted)
        packet = SealedPacket.parse(frame, ESP_PORT) if frame else None
        if packet is None:
            raise RuntimeError("no sealed packet passes the wire")
        return packet

    def _send(self, port: str, frame: Callable[[], bytes]) -> int:
        sent, end = 0, time.monotonic() + SECONDS
        with self.net.wire.namespace.packet_socket(port) as raw:
            while time.monotonic() < end:
                for _ in range(GROUP):
                    raw.send(frame())
                sent += GROUP
                time.sleep(PAUSE_SECONDS)
        return sent

    # MARK: The admin socket

    def of_admin_connections(self) -> None:
        path = next((self.run.directory / "node-a" / "run").rglob("*.sock"))
        with ExitStack() as held, self._aside(f"{ADMIN_CONNECTIONS} connections to node-a's admin socket that say nothing"):
            for _ in range(ADMIN_CONNECTIONS):
                connection = held.enter_context(socket.socket(socket.AF_UNIX))
                # Over the listener's queue, connect waits; it would fail at once on a socket with Python's own timeout.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", ADMIN_SECONDS, 0))
                connection.connect(str(path))
            answered = self.a.ask("status")["node"]["authorityConnected"]
            self.report.expect("psid is answered beside them", answered)

    # MARK: Many reasons at once

    def of_many_reasons(self) -> None:
        self.report.step("6. Frames of many kinds to node-a at once, one of them twenty times as many")
        rogue = self.net.add_pod(self.net.a, "rogue", 66)
        sources = all_sources(self.net, self.web, rogue, self.db, self._overheard(self.net.b.v4, "to-node-a"))
        before, lines = self.a.drops(), self.a.log.count(f" {NOISY}")
        with self.a.observe() as observation, self._aside("many reasons to drop"):
            begin = time.monotonic()
            flood(sources, SECONDS)
            fresh = self._fresh_drops(before)
            self.report.expect(f"they drop for {LEAST_REASONS} reasons at least", len(fresh) >= LEAST_REASONS, fresh)
            missing = [reason for reason in fresh if observation.wait_for(reason, timeout=1) is None]
            self.report.expect("of each something is told", not missing, missing or None)
        told, seconds = self.a.log.count(f" {NOISY}") - lines, time.monotonic() - begin
        self.report.expect("of the many no more than the rate", 0 < told <= EVENT_RATE * (seconds + 1), f"{told}, of {fresh.get(NOISY)}")
        self._overrun(sources)

    def _overrun(self, sources: list[Source]) -> None:
        # Who reads the events stands still for a moment.
        before, sent, lost = self.a.drops(), sum(sources[0].sent.values()), self.a.log.count(EVENTS_LOST)
        with self._aside("the same while node-a's daemon is stopped"):
            self.a.tell(signal.SIGSTOP)
            flood(sources, SECONDS)
            self.a.tell(signal.SIGCONT)
            sent, dropped = sum(sources[0].sent.values()) - sent, sum(self._fresh_drops(before).values())
            self.report.expect("each is counted", dropped >= sent > 0, f"{dropped} dropped, {sent} sent by web-0")
        reported = wait(lambda: self.a.log.count(EVENTS_LOST) > lost, LOST_SECONDS)
        self.report.expect(f"that events were lost is told,{EVENTS_LOST}", reported, self.a.ask("status")["datapath"]["eventsLost"])

    def _fresh_drops(self, before: dict[str, int]) -> dict[str, int]:
        now = self.a.drops()
        return {reason: count - before.get(reason, 0) for reason, count in now.items() if count > before.get(reason, 0)}

    # MARK: A peer's workloads

    def of_workloads(self) -> None:
        self.report.step(f"7. node-b hosts {CROWD} more workloads; node-a has room for {SMALL_TABLE} SAs")
        refused, crowd = self.a.log.count(PROOF_REFUSED), [f"crowd-{number}" for number in range(CROWD)]
        for number, name in enumerate(crowd):
            self._register(name, "node-b")
            self.b.add_pod(self.net.add_pod(self.net.b, name, 20 + number), name, name)
        fresh = [line for line in self.a.log.splitlines() if PROOF_REFUSED in line][refused:]
        self.report.expect("node-a refuses some, and says why", any(NO_ROOM in line for line in fresh), fresh[-1:])
        held = [sa["direction"] for sa in self.a.ask("datapath", "show")["associations"]]
        inbound = held.count("inbound")
        self.report.expect("its table of inbound SAs is full", inbound == SMALL_TABLE, f"{inbound} of {len(held)} SAs")
        with self._aside("the table is full"):
            pass
        for name in crowd:
            self.b.psid("pod", "remove", name)
        with self._aside("the crowd has gone"):
            time.sleep(1)

    # MARK: A node of the directory

    def of_a_member(self) -> None:
        self.report.step("8. node-c, whose daemon has been stopped, turns against node-a")
        self.member = member = self._broken_into()
        for kind in KINDS:
            before = len(lines_about(self.a, "node-c"))
            with self._aside(f"{kind} of node-c"):
                flood = member.start("node-a", kind, SECONDS)
                time.sleep(SECONDS / 2)
                begin, epoch = time.monotonic(), self._rekey()
                seconds = time.monotonic() - begin
                self.report.expect("keys change meanwhile, soon", epoch and seconds < REKEY_SECONDS, f"{seconds:.1f} s")
                seen = member.end(flood)
                self.report.expect("it does what it can", seen["done"] > 0, seen)
            lines = lines_about(self.a, "node-c")[before:]
            self.report.expect("the journal names it, and is not flooded", 0 < len(lines) <= MOST_ABOUT_A_MEMBER, len(lines))
        noisy = [line for line in lines_about(self.a, "node-c") if PEER_NOISY in line]
        self.report.expect(f"and says so of what it refuses, once,{PEER_NOISY}", len(noisy) == 1, noisy)
        findings = [finding["message"] for finding in self.a.ask("status")["findings"]]
        self.report.expect("psid status names it", any("node-c causes" in finding for finding in findings), findings)

    def of_leases(self) -> None:
        self.report.step("9. node-c makes the directory as large as it can, and another one each time")
        before = self.a.ask("status")["node"]["directoryRevision"]
        with self._aside("leases of node-c"):
            seen = self.member.end(self.member.start("node-a", "leases", LEASES_SECONDS))
            holds = seen["done"] > 1 and "lastError" not in seen
            self.report.expect("the authority takes down as many as a node may have, not one more, and is not held up", holds, seen)
        after = self.a.ask("status")["node"]["directoryRevision"]
        self.report.expect("the other nodes have got them", after > before, f"the newest of {after - before} editions")
        self.authority.psid("node", "ban", "node-c")
        with self._aside("node-c is banned"):
            pass

    def _broken_into(self) -> Member:
        node = self.net.add_node("node-c", 5)
        pod = self.net.add_pod(node, "app-0", 10)
        daemon = self._node(node)
        self._register("app", "node-c")
        daemon.add_pod(pod, "app", "app")
        self.report.expect("before, it had a session with node-a", self.a.wait_for_peer("node-c") is not None)
        daemon.stop()
        return Member(self.run, daemon)

    # MARK: Parts of the steps

    @contextmanager
    def _aside(self, flood: str) -> Iterator[None]:
        """Beside a flood and after it: keys change, and no daemon grows without limit."""
        self.report.note(flood)
        self.calendar.note(flood)
        epoch = self._epoch()
        yield
        changed = self._rekey()
        self.report.expect(f"{flood}: keys change", changed not in (None, epoch), changed)
        growth = {daemon.node.name: resident_kb(daemon) - self.resident[daemon.node.name] for daemon in self.daemons}
        self.report.expect(f"no daemon has grown by {MOST_GROWTH_KB} KiB since the first flood", max(growth.values()) < MOST_GROWTH_KB, growth)

    def _rekey(self) -> Optional[str]:
        return self.a.ask("peers", "rekey", "node-b")["outcomes"][0].get("epoch")

    def _register(self, name: str, node: str) -> None:
        identity = spiffe_id(f"ns/shop/sa/{name}")
        self.authority.psid("entry", "create", "--spiffe-id", identity, "--node", node, "--label", f"app={name}")

    def _node(self, node: Node, settings: str = "") -> Daemon:
        token = self.authority.ask("token", "generate", "--node", node.name)
        daemon = Daemon(self.run, node, node_configuration(self.run, self.net, token, node) + settings)
        daemon.start()
        return daemon

    def _epoch(self) -> Optional[str]:
        return next((peer["epoch"] for peer in self.a.ask("peers")["peers"] if peer["name"] == "node-b"), None)


def told(daemon: Daemon, code: str) -> int:
    """Lines in the daemon's journal about floods."""
    return sum(code in line and TOO_MANY in line for line in daemon.log.splitlines())


def resident_kb(daemon: Daemon) -> int:
    """Of nsenter's process, which has become the daemon."""
    status = Path(f"/proc/{daemon.process_id}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


# MARK: Frames

IPV4_HEADER = 20
MORE_FRAGMENTS = 0x2000
ICMP, UNREACHABLE, TOO_BIG = 1, 3, 4
SMALL_MTU = 576


def too_big(sealed: SealedPacket, spi: int) -> bytes:
    """RFC 792, code 4: to the sender of a packet with this SPI, as if from its receiver."""
    quoted = sealed.with_spi(spi)[ETHERNET : sealed.esp + 8]
    body = struct.pack("!BBHHH", UNREACHABLE, TOO_BIG, 0, 0, SMALL_MTU) + quoted
    body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
    ends = socket.inet_aton(sealed.destination) + socket.inet_aton(sealed.source)
    ethernet = sealed.frame[6:12] + sealed.frame[:6] + sealed.frame[12:14]
    return ethernet + ipv4_header(len(body), 0, 0, ICMP, ends) + body


def first_fragment(sealed: SealedPacket, number: int) -> bytes:
    payload = sealed.frame[sealed.udp : sealed.udp + 64]
    header = ipv4_header(len(payload), number, MORE_FRAGMENTS, socket.IPPROTO_UDP, sealed.frame[26:34])
    return sealed.frame[:ETHERNET] + header + payload


def ipv4_header(payload: int, number: int, flags: int, protocol: int, ends: bytes) -> bytes:
    header = struct.pack("!BBHHHBBH", 0x45, 0, IPV4_HEADER + payload, number, flags, 64, protocol, 0) + ends
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:]


def checksum(data: bytes) -> int:
    """RFC 1071, of an even number of bytes."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
