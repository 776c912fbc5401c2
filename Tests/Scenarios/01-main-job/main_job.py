# SPDX-License-Identifier: Apache-2.0
"""The main job, step by step: see README.md beside this file."""

import ipaddress
import secrets
import signal
import subprocess
from typing import Optional

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from harness import workloads
from harness.configuration import node_configuration, standalone_configuration
from harness.daemons import ESP_PORT, Daemon, spiffe_id
from harness.lifetime import Run
from harness.packets import SealedPacket, concerns
from harness.pings import FAMILIES, Pings
from harness.report import Report
from harness.topology import Pod, TwoNodes

A_PORT, B_PORT = "to-node-a", "to-node-b"
WEB_ID = spiffe_id("ns/shop/sa/web")
DB_ID = spiffe_id("ns/shop/sa/db")
REKEYS = 5
# In the daemons' logs: of a peer, and by a peer.
REFUSED_PROOFS = ("PSD4011", "PSD4012")


class MainJob:
    """What the steps share: the machines, the secret that the pods exchange, and the two daemons."""

    def __init__(self, run: Run, report: Report, underlay: int = 4) -> None:
        self.run, self.report = run, report
        self.net = TwoNodes(run, underlay=underlay)
        self.web = self.net.add_pod(self.net.a, "web-0", 10)
        self.db = self.net.add_pod(self.net.b, "db-0", 10)
        self.canary = f"card-number-{secrets.token_hex(8)}"
        self.a = Daemon(run, self.net.a, standalone_configuration(run, self.net))
        self.b: Optional[Daemon] = None
        self.plain_round_trip: dict[int, Optional[float]] = {}
        workloads.serve_http(run, self.db, {"order": self.canary})

    def in_the_clear(self) -> None:
        self.report.step("1. Without Podshield: web-0 asks db-0 for an order, the wire listens")
        for family in FAMILIES:
            with self.net.wire.tap(B_PORT) as tap:
                answer = workloads.get(self.web, self.db, "order", family)
            self.report.expect(f"IPv{family}: the answer comes", answer == self.canary, answer)
            read = next((line(frame) for frame in tap.frames if self.canary.encode() in frame), None)
            self.report.expect(f"IPv{family}: the wire can read it", read is not None, read)
            self.plain_round_trip[family] = workloads.median_ping(self.web, self.db, family)

    def identities(self) -> None:
        self.report.step("2. Podshield starts: node-a with the authority, node-b joins; the pods get identities")
        self.a.start()
        token = self.a.ask("token", "generate", "--node", "node-b")
        self.b = Daemon(self.run, self.net.b, node_configuration(self.run, self.net, token))
        self.b.start()
        for identity, node, app in ((WEB_ID, "node-a", "web"), (DB_ID, "node-b", "db")):
            self.a.psid("entry", "create", "--spiffe-id", identity, "--node", node, "--label", f"app={app}")
        self.a.add_pod(self.web, "web", "web")
        self.b.add_pod(self.db, "db", "db")
        for daemon, pod, identity in ((self.a, self.web, WEB_ID), (self.b, self.db, DB_ID)):
            svid = daemon.ask("issue", "--pod", pod.name)
            self.report.expect(
                f"{pod.name} is {identity}", svid["spiffeID"] == identity and svid["identity"] >= 256,
                f"{svid['spiffeID']}, serial {svid['serial']}, identity {svid['identity']}, until {svid['notAfter']}",
            )
            self._verify_by_openssl(daemon, pod)

    def session(self) -> None:
        self.report.step("3. The nodes agree on keys")
        peer = self.a.wait_for_peer("node-b")
        self.report.expect("node-a has a session with node-b", peer is not None, peer and peer["state"])
        if peer is None:
            return
        self.report.expect(
            "ChaCha20-Poly1305, keys that a quantum computer does not open",
            peer["suite"] == "chacha20-poly1305" and peer["postQuantum"],
            f"{peer['suite']}, post-quantum {peer['postQuantum']}, TLS group {peer['group']}, epoch {peer['epoch']}",
        )
        for association in peer["associations"]:
            self.report.note(
                f"{association['direction']:<8} SPI {association['spi']:#010x}  {association['spiffeID']}"
            )

    def same_request_sealed(self) -> None:
        self.report.step("4. With Podshield: the same request, the same ears")
        for family in FAMILIES:
            with self.net.wire.tap(B_PORT) as tap:
                answer = workloads.get(self.web, self.db, "order", family)
            sealed = [packet for packet in map(parse, tap.frames) if packet]
            clear = [line(frame) for frame in tap.frames if concerns(frame, self.net.protected)]
            self.report.expect(f"IPv{family}: the answer comes", answer == self.canary, answer)
            self.report.expect(f"IPv{family}: the wire cannot read it", not tap.holds(self.canary.encode()))
            self.report.expect(
                f"IPv{family}: of the pods the wire sees ESP between the nodes, and nothing else",
                len(sealed) >= 6 and not clear, clear[0] if clear else f"{len(sealed)} packets; {line(sealed[0].frame)}",
            )

    def round_trip(self) -> None:
        self.report.step("5. What it costs: the median of 100 round trips")
        for family in FAMILIES:
            plain, sealed = self.plain_round_trip[family], workloads.median_ping(self.web, self.db, family)
            self.report.expect(
                f"IPv{family}: no packet is lost",
                plain is not None and sealed is not None,
                f"in the clear {plain} ms, sealed {sealed} ms",
            )

    def changes(self) -> None:
        self.report.step("6. Keys change, daemons are killed, packets flow")
        with Pings(self.net, self.web, self.db) as pings:
            epochs = {self.a.ask("peers", "rekey")["outcomes"][0]["epoch"] for _ in range(REKEYS)}
            for daemon in (self.a, self.b):
                daemon.stop(signal.SIGKILL)
                daemon.start()
            peer = self.a.wait_for_peer("node-b")
        self.report.expect(f"new keys, {REKEYS} times", len(epochs) == REKEYS, f"{len(epochs)} epochs")
        self.report.expect(
            "kill -9 of both daemons: they come back and agree again", peer is not None and peer["epoch"] not in epochs,
            peer and peer["epoch"],
        )
        self.report.expect(
            "all that time no ping is lost, none is in the clear",
            pings.lost == 0 and pings.sent >= 100 and not pings.clear and pings.sealed >= pings.sent,
            f"{pings.sent} sent, {pings.lost} lost, {pings.sealed} sealed packets, {len(pings.clear)} clear",
        )
        lines = self.a.log.splitlines() + self.b.log.splitlines()
        doubts = [line for line in lines if any(f" {code} " in line for code in REFUSED_PROOFS)]
        self.report.expect("neither node has doubted the other's word", not doubts, doubts or None)

    def attacks(self) -> None:
        self.report.step("7. The wire and a pod turn hostile")
        for family in FAMILIES:
            self._attacks_over(family)

    def _attacks_over(self, family: int) -> None:
        held_back = self._hold_back_a_packet(family)
        if not self.report.expect(f"IPv{family}: a sealed packet is held back on the wire", held_back is not None):
            return
        self._wire_attack(f"IPv{family}, one bit flipped", "bad-tag", held_back.with_flipped_bit())
        self._delivery_of(held_back, family)
        self._wire_attack(f"IPv{family}, the same packet once more", "replay", held_back.frame)
        self._wire_attack(f"IPv{family}, an SPI made up", "unknown-spi", held_back.with_spi(held_back.spi ^ 0x5A5A5A5A))
        clear = self._cleartext_in_the_name_of(self.web, family)
        self._wire_attack(f"IPv{family}, cleartext in web-0's name", "clear-inbound", clear)
        self._spoofing_pod(family)

    def removal(self) -> None:
        self.report.step("8. web-0 is removed: its packets stop")
        last = self._hold_back_a_packet()
        self.a.psid("pod", "remove", self.web.name)
        with self.net.wire.tap(A_PORT) as tap:
            answer = workloads.get(self.web, self.db, "order", timeout=1.5)
        left = [line(frame) for frame in tap.frames if parse(frame) or concerns(frame, self.net.protected)]
        self.report.expect("no answer", answer is None, answer)
        self.report.expect("nothing of it on the wire, sealed or in the clear", not left, left[0] if left else None)
        if last is not None:
            self._wire_attack("a packet of web-0 sealed before, delivered now", "unknown-spi", last.frame)

    # Parts of the steps

    def _verify_by_openssl(self, daemon: Daemon, pod: Pod) -> None:
        out = self.run.directory / f"{pod.name}-svid"
        daemon.psid("issue", "--pod", pod.name, "--out", str(out))
        verified = subprocess.run(
            ["openssl", "verify", "-x509_strict", "-CAfile", out / "bundle.pem", out / "svid.pem"],
            capture_output=True, text=True,
        )
        mode = (out / "svid.key").stat().st_mode & 0o777
        self.report.expect(
            f"{pod.name}'s certificate verifies, its key file is private", verified.returncode == 0 and mode == 0o600,
            f"{verified.stdout.strip().removeprefix(str(out))}{verified.stderr.strip()}, mode {mode:o}",
        )

    def _hold_back_a_packet(self, family: int = 4) -> Optional[SealedPacket]:
        """A sealed packet from web-0 that node-b has not seen."""
        with self.net.wire.cut(B_PORT), self.net.wire.tap(A_PORT) as tap:
            workloads.ping(self.web, self.db, family)
            frame = tap.wait_for(lambda frame: parse(frame) is not None)
        return parse(frame) if frame else None

    def _wire_attack(self, name: str, reason: str, frame: bytes) -> None:
        """Sends a frame to node-b, which must drop it for this reason and say so; nothing may reach db-0."""
        with self.b.observe() as observation, self.db.namespace.tap("eth0") as tap:
            self.net.wire.send(B_PORT, frame)
            event = observation.wait_for(reason)
        self._judge(name, reason, event, tap.frames)

    def _spoofing_pod(self, family: int) -> None:
        neighbour = str(ipaddress.ip_address(self.web.address(family)) + 89)
        gateway = self.net.a.namespace.mac(self.web.host_interface)
        forged = Ether(src=self.web.namespace.mac("eth0"), dst=gateway) / ip(neighbour, self.db.address(family))
        with self.a.observe() as observation, self.db.namespace.tap("eth0") as tap:
            with self.web.namespace.packet_socket("eth0") as raw:
                raw.send(bytes(forged / UDP(sport=4000, dport=5000) / b"not me"))
            event = observation.wait_for("spoofed-source")
        self._judge(f"web-0 sends as {neighbour}", "spoofed-source", event, tap.frames)

    def _judge(self, name: str, reason: str, event: Optional[dict], delivered: list[bytes]) -> None:
        reached = [line(frame) for frame in delivered if concerns(frame, (self.net.a.pod_prefix_v4, self.net.a.pod_prefix_v6))]
        seen = f"reached db-0: {reached[0]}" if reached else describe(event)
        self.report.expect(f"{name}: dropped, {reason}", event is not None and not reached, seen)

    def _delivery_of(self, packet: SealedPacket, family: int) -> None:
        """The untouched packet must pass: so it was the bit, and nothing else, that the drop was for."""
        with self.db.namespace.tap("eth0") as tap:
            self.net.wire.send(B_PORT, packet.frame)
            arrived = tap.wait_for(lambda frame: concerns(frame, (self.web.address(family),)))
        self.report.expect("the same packet untouched: delivered", arrived is not None, arrived and line(arrived))

    def _cleartext_in_the_name_of(self, pod: Pod, family: int) -> bytes:
        uplink = self.net.b.namespace.mac(self.net.b.uplink)
        sender = self.net.a.namespace.mac(self.net.a.uplink)
        forged = ip(pod.address(family), self.db.address(family)) / UDP(sport=4000, dport=5000)
        return bytes(Ether(src=sender, dst=uplink) / forged / b"trust me")


def ip(source: str, destination: str) -> Packet:
    """A header of the addresses' version."""
    return (IPv6 if ":" in source else IP)(src=source, dst=destination)


def parse(frame: bytes) -> Optional[SealedPacket]:
    return SealedPacket.parse(frame, ESP_PORT)


def line(frame: bytes) -> str:
    """A frame as one line."""
    sealed = parse(frame)
    if sealed:
        return f"{sealed.source} > {sealed.destination}: ESP, SPI {sealed.spi:#010x}, seq {sealed.sequence}, {len(frame)} bytes"
    return Ether(frame).summary()


def describe(event: Optional[dict]) -> str:
    if event is None:
        return "no such event"
    return ", ".join(f"{key} {event[key]}" for key in ("hook", "reason", "source", "destination", "spi") if event.get(key))
