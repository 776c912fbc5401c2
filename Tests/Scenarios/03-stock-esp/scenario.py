# SPDX-License-Identifier: Apache-2.0
"""A stock kernel's ESP as the peer of our datapath: see README.md beside this file."""

import hashlib
import re
import secrets
import socket
import sys
import time
from pathlib import Path
from typing import Optional

from harness import commands, workloads
from harness.daemons import ESP_PORT, ROOT
from harness.lifetime import Run
from harness.packets import SealedPacket, concerns
from harness.report import Report
from harness.stock_kernel import StockKernel
from harness.tap import Tap
from harness.topology import TwoNodes

sys.path.insert(0, str(ROOT / "bpf/tests/packets"))

from bench import cluster  # noqa: E402
from bench.abi import Reason  # noqa: E402
from bench.attachment import Way  # noqa: E402
from bench.esp import SA  # noqa: E402

TITLE = "A stock Linux kernel opens our packets, and we open its"

FAMILIES = (4, 6)
STOCK_NODE = {4: "192.0.2.20", 6: "2001:db8:0:1::20"}
STOCK_POD = {4: "10.42.9.10", 6: "fd42:0:0:9::10"}
TO_STOCK, FROM_STOCK = 0x1101, 0x2202
STOCK_IDENTITY = 400
STREAM_PORT, STREAM_BYTES = 7000, 4 << 20
STREAM_SECONDS = 60
# The largest ping that fits: 1500 bytes less our overhead over either family, and the headers of ping and IP.
LARGE_PING = 1350
MODULES = ("esp4", "esp6", "xfrm_user", "chacha20poly1305", "seqiv")


def play(run: Run, report: Report) -> None:
    interoperation = Interoperation(run, report)
    for outer in FAMILIES:
        interoperation.agree(outer)
        interoperation.pings(outer)
        interoperation.streams(outer)
        interoperation.errors(outer)
    interoperation.another_key()


class Interoperation:
    """What the steps share: node-a with the programs, and the stock kernel."""

    def __init__(self, run: Run, report: Report) -> None:
        self.report = report
        self.net = TwoNodes(run)
        self.web = self.net.add_pod(self.net.a, "web-0", 10)
        self.here = cluster.side(
            run, self.net.a, self.web, cluster.WEB, SA.of(TO_STOCK), SA.of(FROM_STOCK), Way.CLSACT, self.net.protected
        )
        self.stock = StockKernel(run, self.net.wire)
        self._boot()

    def agree(self, outer: int) -> None:
        self.report.step(f"Over IPv{outer}: the same two SAs at both ends")
        self._tell_our_datapath(outer)
        self._tell_the_stock_kernel(outer, self.here.inbound.key)
        states = self.stock.run("ip xfrm state list")
        known = [spi for spi in (TO_STOCK, FROM_STOCK) if f"spi {spi:#010x}" in states]
        self.report.expect("the stock kernel has both", known == [TO_STOCK, FROM_STOCK], f"SPIs {known}")

    def pings(self, outer: int) -> None:
        self.report.step(f"Over IPv{outer}: pings")
        for family in FAMILIES:
            with self.net.wire.tap("to-node-a") as tap:
                answers = self._ping_from_pod(family, 20, 56) + self._ping_from_pod(family, 5, LARGE_PING)
                returned = self._ping_from_stock(family, 20, 56) + self._ping_from_stock(family, 5, LARGE_PING)
            self.report.expect(f"IPv{family}: web-0 pings the stock kernel's pod", answers == 25, f"{answers} of 25")
            self.report.expect(f"IPv{family}: and the other way round", returned == 25, f"{returned} of 25")
            self._expect_only_esp(f"IPv{family}", tap, at_least=100)

    def streams(self, outer: int) -> None:
        self.report.step(f"Over IPv{outer}: TCP, {STREAM_BYTES >> 20} MB each way")
        for family in FAMILIES:
            for name, transfer in (("to", self._stream_to_stock), ("from", self._stream_from_stock)):
                with self.net.wire.tap("to-node-a") as tap:
                    started = time.monotonic()
                    same = transfer(family)
                    seconds = time.monotonic() - started
                rate = f"{STREAM_BYTES * 8 / seconds / 1e6:.0f} Mbit/s"
                self.report.expect(f"IPv{family}: what went {name} the stock kernel arrived as it was", same, rate)
                self._expect_only_esp(f"IPv{family}", tap, at_least=STREAM_BYTES // 1500)

    def errors(self, outer: int) -> None:
        self.report.step(f"Over IPv{outer}: neither end counts an error")
        theirs = self._stock_errors()
        self.report.expect("none in the stock kernel's account", not theirs, theirs)
        ours = self._our_drops()
        self.report.expect("none in ours but answers that taught a path MTU", not ours, ours)

    def another_key(self) -> None:
        self.report.step("One end has another key")
        self._tell_our_datapath(4)
        self._tell_the_stock_kernel(4, secrets.token_bytes(32))
        lost = self._ping_from_pod(4, 3, 56)
        self.report.expect("no ping from web-0 is answered", lost == 0, f"{lost} of 3")
        theirs = self._stock_errors()
        self.report.expect("the stock kernel's account has them", "XfrmInStateProtoError" in theirs, theirs)
        lost = self._ping_from_stock(4, 3, 56)
        ours = self._our_drops()
        self.report.expect("nor one from the stock kernel", lost == 0 and set(ours) == {"BAD_TAG"}, ours)

    # Setting up

    def _boot(self) -> None:
        self.stock.boot()
        self.stock.write("peer.py", (Path(__file__).parent / "peer.py").read_text())
        self.stock.run(f"modprobe -a {' '.join(MODULES)}")
        for line in ("link set lo up", f"link set {self.stock.interface} up"):
            self.stock.run(f"ip {line}")
        for family, length in ((4, 24), (6, 64)):
            options = "nodad" if family == 6 else ""
            self.stock.run(f"ip address add {STOCK_NODE[family]}/{length} dev {self.stock.interface} {options}")
            self.stock.run(f"ip address add {STOCK_POD[family]}/{32 if family == 4 else 128} dev lo {options}")
            via = self.net.a.v4 if family == 4 else self.net.a.v6
            self.stock.run(f"ip route add {self.web.address(family)} via {via} src {STOCK_POD[family]}")
        self.stock.run(f"python3 /peer.py listen {ESP_PORT} >/dev/null 2>&1 &")

    def _tell_our_datapath(self, outer: int) -> None:
        datapath, number = self.here.datapath, cluster.PEER
        datapath.add_peer(number, self.here.endpoint(outer), STOCK_NODE[outer], ESP_PORT)
        datapath.add_outbound(self.here.outbound, number, self.here.identity)
        datapath.add_inbound(self.here.inbound, number, STOCK_IDENTITY)
        for address in STOCK_POD.values():
            datapath.add_remote(address, number, STOCK_IDENTITY)
            datapath.bind(address, number, STOCK_IDENTITY)

    def _tell_the_stock_kernel(self, outer: int, key_from_stock: bytes) -> None:
        """The SA from it gets the key given; the one to it that of ours, or that same other key."""
        here, there = self.here.endpoint(outer), STOCK_NODE[outer]
        key_to_stock = self.here.outbound.key if key_from_stock == self.here.inbound.key else key_from_stock
        self.stock.run("ip xfrm state flush; ip xfrm policy flush")
        self._add_state(here, there, TO_STOCK, key_to_stock + self.here.outbound.salt)
        self._add_state(there, here, FROM_STOCK, key_from_stock + self.here.inbound.salt)
        for family in FAMILIES:
            pod, stock_pod = self.web.address(family), STOCK_POD[family]
            self._add_policy("out", stock_pod, pod, f"src {there} dst {here}")
            self._add_policy("in", pod, stock_pod, f"src {here} dst {there}")

    def _add_state(self, source: str, destination: str, spi: int, key: bytes) -> None:
        """For packets of both families: by itself, an SA is for those of its endpoints'."""
        self.stock.run(
            f"ip xfrm state add src {source} dst {destination} proto esp spi {spi} reqid 1 mode tunnel "
            f"replay-window 128 flag af-unspec aead 'rfc7539esp(chacha20,poly1305)' 0x{key.hex()} 128 "
            f"encap espinudp {ESP_PORT} {ESP_PORT} {'::' if ':' in source else '0.0.0.0'}"
        )

    def _add_policy(self, direction: str, source: str, destination: str, tunnel: str) -> None:
        self.stock.run(
            f"ip xfrm policy add src {source} dst {destination} dir {direction} "
            f"tmpl {tunnel} proto esp reqid 1 mode tunnel"
        )

    # Traffic

    def _ping_from_pod(self, family: int, count: int, size: int) -> int:
        command = ("ping", f"-{family}", "-n", "-c", str(count), "-i", "0.05", "-W", "1", "-s", str(size))
        try:
            output = self.web.namespace.run(*command, STOCK_POD[family], timeout=count * 1.2 + 5)
        except commands.CommandFailed as failure:
            output = failure.output
        return len(workloads.ROUND_TRIP.findall(output))

    def _ping_from_stock(self, family: int, count: int, size: int) -> int:
        options = f"-{family} -n -c {count} -i 0.05 -W 1 -s {size} -I {STOCK_POD[family]}"
        output = self.stock.run(f"ping {options} {self.web.address(family)} || true", timeout=count * 1.2 + 10)
        return len(workloads.ROUND_TRIP.findall(output))

    def _stream_to_stock(self, family: int) -> bool:
        content = secrets.token_bytes(STREAM_BYTES)
        self.stock.run(f"python3 /peer.py receive {STOCK_POD[family]} {STREAM_PORT} >/tmp/received 2>&1 &")
        self._wait_for(r"listening")
        with self._pod_socket(family) as stream:
            stream.connect((STOCK_POD[family], STREAM_PORT))
            stream.sendall(content)
        received = self._wait_for(r"^[0-9a-f]{64}$")
        return received == hashlib.sha256(content).hexdigest()

    def _stream_from_stock(self, family: int) -> bool:
        address = self.web.address(family)
        kind = socket.AF_INET6 if family == 6 else socket.AF_INET
        listener = self.web.namespace.inside(lambda: socket.create_server((address, STREAM_PORT), family=kind))
        digest = hashlib.sha256()
        with listener:
            listener.settimeout(STREAM_SECONDS)
            self.stock.run(f"python3 /peer.py send {address} {STREAM_PORT} {STREAM_BYTES} >/tmp/received 2>&1 &")
            stream, _ = listener.accept()
            stream.settimeout(STREAM_SECONDS)
            with stream:
                while data := stream.recv(1 << 16):
                    digest.update(data)
        return self._wait_for(r"^[0-9a-f]{64}$") == digest.hexdigest()

    def _pod_socket(self, family: int) -> socket.socket:
        kind = socket.AF_INET6 if family == 6 else socket.AF_INET
        opened = self.web.namespace.inside(lambda: socket.socket(kind, socket.SOCK_STREAM))
        opened.settimeout(STREAM_SECONDS)
        return opened

    def _wait_for(self, line: str) -> Optional[str]:
        """A line that the stock kernel's end of the stream prints."""
        deadline = time.monotonic() + STREAM_SECONDS
        while time.monotonic() < deadline:
            found = re.search(line, self.stock.run("cat /tmp/received"), re.MULTILINE)
            if found:
                return found[0]
            time.sleep(0.1)
        return None

    # Accounts

    def _expect_only_esp(self, name: str, tap: Tap, at_least: int) -> None:
        clear = [frame.hex() for frame in tap.frames if concerns(frame, self.net.protected)]
        sealed = [packet for packet in (SealedPacket.parse(frame, ESP_PORT) for frame in tap.frames) if packet]
        self.report.expect(
            f"{name}: of the pods the wire sees ESP and nothing else", not clear and len(sealed) >= at_least,
            clear[0] if clear else f"{len(sealed)} packets",
        )

    def _stock_errors(self) -> dict[str, int]:
        lines = [line.split() for line in self.stock.run("cat /proc/net/xfrm_stat").splitlines()]
        return {name: int(count) for name, count in lines if int(count)}

    def _our_drops(self) -> dict[str, int]:
        counted = self.here.datapath.counters()
        return {
            reason.name: packets for reason, (packets, _) in counted.items()
            if packets and reason >= Reason.SPOOFED_SOURCE and reason != Reason.TOO_BIG
        }
