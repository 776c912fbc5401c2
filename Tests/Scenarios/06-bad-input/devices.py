# SPDX-License-Identifier: Apache-2.0
"""Devices of node-a that are named and not there, that come while packets wait for them, and that take no program."""

import contextlib
import signal
import socket
import struct
import threading
import time
from statistics import median
from typing import Iterator

from box import Box, expect_doctor_knows
from crowd import crowded

from harness.packets import concerns
from harness.tap import Tap
from harness.waiting import wait

NAMED, UNNAMED, PLUGGED, CROWDED = "eth9", "eth8", "plug", "crowd"
MISSING, NOT_WATCHED = "PSD5019", "PSD5009"
# From when a device has come.
HOOKED_SECONDS = 2
# A device that could not be hooked is tried again every second; looking at it takes its time, too.
RETRY_SECONDS = 5
PATIENCE_SECONDS = 10
# Protected, and of no pod.
DESTINATION, PORT = "10.42.9.9", 9
PLUGS, PAUSE_SECONDS, PLUGGED_SECONDS = 10, 0.0001, 0.5
# It takes some milliseconds. One of them may meet a moment in which the machine has other things to do, half of them may not.
USUALLY_OPEN_SECONDS, MOST_OPEN_SECONDS = 0.1, 2
EARLY_PROGRAM = """
import socket, sys, time
end = time.monotonic() + 1
senders = [(socket.socket(family, socket.SOCK_DGRAM), address)
           for family, address in zip((socket.AF_INET, socket.AF_INET6), sys.argv[1:])]
while time.monotonic() < end:
    for sender, address in senders:
        try: sender.sendto(b"early", (address, 9))
        except OSError: pass
"""


class Devices:
    def __init__(self, box: Box) -> None:
        self.box, self.report, self.a = box, box.report, box.daemon
        self.host = box.net.a.namespace

    def late(self) -> None:
        self.report.step("12. A device that is named and not there")
        good = self.box.configuration.read_text()
        self.a.stop()
        self.box.configuration.write_text(f"{good}\nuplinks: [{self.box.net.a.uplink}, {NAMED}]\n")
        try:
            status, found = self.box.doctor("--pre")
            told = [finding["message"] for finding in found if finding["code"] == MISSING]
            self.report.expect("psid doctor says so before, and takes it for no error", status == 0 and bool(told), told)
            self.a.start()
            expect_doctor_knows(self.box, MISSING, NAMED, self.a)
            left = self._left_by_new(UNNAMED)
            self.report.expect("by a device that is not named a packet leaves in the clear", left > 0, f"{left} packets")
            left = self._left_by_new(NAMED)
            self.report.expect("once the named one is there, by it none does", left == 0, f"{left} packets")
            self.report.expect("and nothing is missing", not self.a.finding(MISSING))
            self.host.ip("link", "delete", NAMED)
            self.report.expect("when it goes it is", bool(wait(lambda: self.a.finding(MISSING), PATIENCE_SECONDS)))
        finally:
            self.a.stop()
            self.box.configuration.write_text(good)
            self.a.start()

    def plugged_in(self) -> None:
        self.report.step(f"13. Devices that come while packets wait for a way out: how long they are open, {PLUGS} times")
        windows = [self._window() for _ in range(PLUGS)]
        seen = f"median {median(windows) * 1000:.1f} ms, longest {max(windows) * 1000:.1f} ms"
        holds = median(windows) < USUALLY_OPEN_SECONDS and max(windows) < MOST_OPEN_SECONDS
        self.report.expect(f"half of them no longer than {USUALLY_OPEN_SECONDS} s, and none {MOST_OPEN_SECONDS} s", holds, seen)
        clear = self._early_pod()
        self.report.expect("a pod that sends before anybody has told of it: nothing of it on the wire", not clear, len(clear))

    def without_room(self) -> None:
        self.report.step("14. A device that takes no program: every place at its hooks is taken")
        # The daemon stands still until it is as bad as it shall be.
        self.a.tell(signal.SIGSTOP)
        try:
            self._plug(CROWDED)
            occupied = self.host.inside(lambda: crowded(CROWDED))
        finally:
            self.a.tell(signal.SIGCONT)
        with occupied:
            found = wait(lambda: self.a.finding(NOT_WATCHED), PATIENCE_SECONDS)
            self.report.expect("it is found", bool(found) and CROWDED in found["message"], found)
            expect_doctor_knows(self.box, NOT_WATCHED, CROWDED, self.a)
            left = self._left_by(CROWDED)
            self.report.expect("it is open meanwhile", left > 0, f"{left} packets left in the clear")
        began = time.monotonic()
        closed = wait(lambda: self._left_by(CROWDED, count=1) == 0, PATIENCE_SECONDS)
        seconds = time.monotonic() - began
        self.report.expect("with room again it is closed, soon", closed and seconds < RETRY_SECONDS, f"{seconds:.1f} s later")
        self.report.expect("and nothing is found", wait(lambda: not self.a.finding(NOT_WATCHED)))
        self.host.ip("link", "delete", CROWDED)

    # Parts of the steps

    def _plug(self, device: str) -> None:
        """A new device with a route to a protected address, all in one go."""
        self.host.batch(
            f"link add {device} type veth peer name {device}-end", f"link set {device}-end up",
            f"link set {device} arp off up", f"route replace {DESTINATION}/32 dev {device}",
        )

    def _left_by_new(self, device: str) -> int:
        self._plug(device)
        time.sleep(HOOKED_SECONDS)
        return self._left_by(device)

    def _left_by(self, device: str, count: int = 3) -> int:
        """How many packets to a protected address it lets out."""
        with self.host.tap(device) as tap:
            self.host.succeeds("ping", "-n", "-c", str(count), "-i", "0.1", "-W", "0.2", DESTINATION)
        return sum(concerns(frame, self.box.net.protected) for frame in tap.frames)

    def _window(self) -> float:
        """Seconds between the first and the last packet that a new device has let out in the clear."""
        with Tap(self.host.inside(_every_device)) as tap, self._sending():
            self._plug(PLUGGED)
            time.sleep(PLUGGED_SECONDS)
        self.host.ip("link", "delete", PLUGGED)
        left = [struct.unpack("=d", frame[-8:])[0] for frame in tap.frames if concerns(frame, (f"{DESTINATION}/32",))]
        return max(left) - min(left) + PAUSE_SECONDS if left else 0

    @contextlib.contextmanager
    def _sending(self) -> Iterator[None]:
        """Packets that have when they were sent; most of them find no way yet, or none any more."""
        sender, ended = self.host.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)), threading.Event()

        def send() -> None:
            while not ended.wait(PAUSE_SECONDS):
                with contextlib.suppress(OSError):
                    sender.sendto(struct.pack("=d", time.monotonic()), (DESTINATION, PORT))

        thread = threading.Thread(target=send)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            sender.close()

    def _early_pod(self) -> list[bytes]:
        """Of a pod that is not added, while it sends to one that is there: what the wire sees of it."""
        target = self.box.net.b.pods["db-0"]
        with self.box.net.wire.tap("to-node-a") as tap:
            pod = self.box.net.add_pod(self.box.net.a, "early-0", 69)
            pod.namespace.run("/usr/bin/python3", "-c", EARLY_PROGRAM, target.v4, target.v6)
        return [frame for frame in tap.frames if concerns(frame, self.box.net.protected)]


def _every_device() -> socket.socket:
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
