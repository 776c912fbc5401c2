# SPDX-License-Identifier: Apache-2.0
"""A pod's address passes on to another workload, while somebody sends to it all the time."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import TYPE_CHECKING, Optional

from harness.daemons import ESP_PORT
from harness.kernel_map import Holders
from harness.packets import SealedPacket
from harness.streams import DatagramReceiver, DatagramSender
from harness.waiting import wait

if TYPE_CHECKING:
    from scenario import Life

B_PORT = "to-node-b"
PORT, RATE = 7003, 1000
HELD_BACK = bytes.fromhex("c0ffee00c0ffee00")
HELD_BACK_BYTES = 700
IN_QUARANTINE = "PSD4015"


def change_hands(life: Life) -> None:
    life.report.step("14. db-0 ends; its address goes to cache-0, another workload")
    holders, held_back = Holders(life.run, life.net.a), hold_back_a_packet(life)
    sender = DatagramSender(life.run, life.web, life.db.v4, PORT, RATE)
    last_of_db = DatagramReceiver(life.run, life.db, 4, PORT)
    time.sleep(0.5)
    with life.a.observe() as observation, holders.history(life.db.v4) as held:
        removal = time.monotonic_ns()
        life.b.psid("pod", "remove", life.db.name)
        removed, left = time.monotonic_ns(), holders.holder(life.db.v4)
        db = last_of_db.stop()
        life.net.remove_interface(life.net.b, life.db)
        cache = life.net.add_pod(life.net.b, "cache-0", 10)
        receiver = DatagramReceiver(life.run, cache, 4, PORT)
        with cache.namespace.tap("eth0") as tap:
            time.sleep(0.3)
            life.b.add_pod(cache, "cache", "cache")
            observation.wait_for_kind("association-installed", life.id("cache"))
            time.sleep(1)
            if held_back is not None:
                life.net.wire.send(B_PORT, held_back.frame)
            time.sleep(0.5)
    sender.stop()
    time.sleep(0.5)
    seen = receiver.stop()
    life.report.expect(
        "db-0 received until it was removed, and not a datagram afterwards",
        db.received > 0 and removal - 200_000_000 < db.last_arrival < removed,
        f"the last one came {(db.last_arrival - removal) / 1e6:.0f} ms after psid was started",
    )
    life.report.expect("once psid has ended, node-a's kernel has let go of db", left is None, left)
    life.report.expect(
        "it let go before it knew cache, at no moment it took one for the other",
        len(held) == 3 and held[1].holder is None and len({change.holder for change in held}) == 3, held,
    )
    life.report.expect(
        "cache-0 gets what is meant for it, and nothing that was sent to its predecessor",
        seen.received > 0 and seen.first_sent > removed,
        f"{seen.received} datagrams, the first was sent {(seen.first_sent - removed) / 1e6:.0f} ms after psid had ended",
    )
    pings = [frame for frame in tap.frames if HELD_BACK in frame]
    life.report.expect("nor a packet to its predecessor that the wire held back", held_back is not None and not pings)
    life.cache = cache


def keep_from_who_has_not_heard(life: Life) -> None:
    """node-a's daemon stands still; its kernel goes on sealing for the pod that was."""
    reason = "no-identity"
    before = life.b.drops().get(reason, 0)
    sender = DatagramSender(life.run, life.web, life.cache.v4, PORT, RATE)
    life.a.tell(signal.SIGSTOP)
    try:
        life.b.psid("pod", "remove", life.cache.name)
        life.net.remove_interface(life.net.b, life.cache)
        heir = life.net.add_pod(life.net.b, "heir-0", 10)
        receiver = DatagramReceiver(life.run, heir, 4, PORT)
        time.sleep(0.3)
        life.b.add_pod(heir, "db", "db")
        dropped = wait(lambda: life.b.drops().get(reason, 0) > before + RATE // 2)
        found = life.b.finding(IN_QUARANTINE)
        heard = time.monotonic_ns()
    finally:
        life.a.tell(signal.SIGCONT)
    freed = wait(lambda: life.b.finding(IN_QUARANTINE) is None)
    time.sleep(1)
    sender.stop()
    time.sleep(0.5)
    seen = receiver.stop()
    life.report.expect(
        f"node-a does not hear that heir-0 has the address: what it sends there drops at node-b as {reason}", dropped,
        life.b.drops().get(reason, 0) - before,
    )
    life.report.expect(f"psid doctor on node-b names the pod, {IN_QUARANTINE}", found and "heir-0" in found["message"], found)
    life.report.expect(
        "once it has heard, heir-0 gets what is sent from then on", freed and seen.received > 0 and seen.first_sent > heard,
        f"{seen.received} datagrams, the first was sent {(seen.first_sent - heard) / 1e6:.0f} ms after node-a's daemon went on",
    )
    life.cache = heir


def hold_back_a_packet(life: Life) -> Optional[SealedPacket]:
    """A packet for db-0, sealed, that node-b has not seen."""
    with life.net.wire.cut(B_PORT), life.net.wire.tap("to-node-a") as tap:
        command = ["ping", "-n", "-c", "1", "-W", "1", "-s", str(HELD_BACK_BYTES), "-p", HELD_BACK.hex(), life.db.v4]
        subprocess.run(["nsenter", f"--net={life.web.namespace.path}", *command], stdout=subprocess.DEVNULL)
        frame = tap.wait_for(lambda frame: len(frame) > HELD_BACK_BYTES and parse(frame) is not None)
    return parse(frame) if frame else None


def parse(frame: bytes) -> Optional[SealedPacket]:
    return SealedPacket.parse(frame, ESP_PORT)
