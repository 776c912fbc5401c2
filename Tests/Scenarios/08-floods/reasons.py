# SPDX-License-Identifier: Apache-2.0
"""Frames for which node-a has as many reasons to drop them as possible, all at once."""

import secrets
import socket
import threading
import time
from dataclasses import dataclass, field

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6ND_RA, IPv6
from scapy.layers.l2 import Ether

from harness.hostile_frames import OWN, Frames
from harness.namespaces import Namespace
from harness.packets import SealedPacket
from harness.topology import Pod, TwoNodes

PAUSE_SECONDS = 0.01
FEW, MANY = 2, 40
NOISY = "spoofed-source"
NOISY_KIND = "from-another"


@dataclass
class Source:
    """Frames of different kinds, and where they are sent: `few` of each at a time, many of the noisy one."""

    namespace: Namespace
    interface: str
    kinds: dict[str, list[bytes]]
    sent: dict[str, int] = field(default_factory=dict)

    def send(self, end: float) -> None:
        with self.namespace.packet_socket(self.interface) as raw:
            while time.monotonic() < end:
                for kind, frames in self.kinds.items():
                    for _ in range(MANY if kind == NOISY_KIND else FEW):
                        self._send(raw, kind, frames)
                time.sleep(PAUSE_SECONDS)

    def _send(self, raw: socket.socket, kind: str, frames: list[bytes]) -> None:
        for frame in frames:
            raw.send(frame)
        self.sent[kind] = self.sent.get(kind, 0) + len(frames)


def all_sources(net: TwoNodes, pod: Pod, rogue: Pod, target: Pod, sealed: SealedPacket) -> list[Source]:
    """`pod` has an identity and `rogue` has none; `sealed` has passed the wire to node-a."""
    foreign = {kind: frames for kind, frames in Frames(net, pod, target).kinds().items() if kind not in OWN}
    gateway = Ether(src=pod.namespace.mac("eth0"), dst=net.a.namespace.mac(pod.host_interface))
    foreign["router"] = [bytes(gateway / IPv6(src="fe80::66", dst="ff02::1", hlim=255) / ICMPv6ND_RA())]
    unknown = {"unknown-pod": Frames(net, rogue, target).kinds()["udp4"]}
    return [
        Source(pod.namespace, "eth0", foreign), Source(rogue.namespace, "eth0", unknown),
        Source(net.wire.namespace, "to-node-a", from_outside(net, pod, target, sealed)),
    ]


def from_outside(net: TwoNodes, pod: Pod, target: Pod, sealed: SealedPacket) -> dict[str, list[bytes]]:
    ends = Ether(sealed.frame[:14])
    clear = ends / IP(src=target.v4, dst=pod.v4) / UDP(sport=1, dport=2)
    ours = bytearray(sealed.frame)
    ours[26:30] = socket.inet_aton(net.a.v4)
    cut = ends / IP(src=net.b.v4, dst=net.a.v4, flags="MF") / UDP(sport=4500, dport=4500) / sealed.frame[sealed.esp : sealed.esp + 64]
    return {
        "unknown-spi": [sealed.with_spi(secrets.randbelow(1 << 31) | 1 << 31)],
        "bad-tag": [sealed.with_sequence(sealed.sequence + 1_000_000)],
        "replay": [sealed.frame],
        "clear": [bytes(clear)],
        "own-source": [bytes(ours)],
        "fragment": [bytes(cut)],
    }


def flood(sources: list[Source], seconds: float) -> None:
    end = time.monotonic() + seconds
    threads = [threading.Thread(target=source.send, args=(end,)) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
