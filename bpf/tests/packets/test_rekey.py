# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""New keys under load: the receiver has the new SA before the sender uses it, and no packet is lost or doubled."""

import socket
import threading
import time

import pytest

from bench.attachment import Way
from bench.cluster import PEER, Cluster
from bench.esp import SA
from harness.lifetime import Run

REKEYS = 1000
PORT = 7100
SO_RCVBUFFORCE, RECEIVE_BUFFER = 33, 16 << 20
FIRST_SPI = 0x4000
PAUSE_SECONDS, PACING_SECONDS = 0.002, 0.0002
LAST = b"last"


@pytest.mark.parametrize("outer", (4, 6))
def test_no_packet_is_lost(outer: int) -> None:
    with Run() as run:
        cluster = Cluster(run, Way.CLSACT, outer)
        sink = cluster.b.pod.namespace.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        source = cluster.a.pod.namespace.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        with sink, source:
            sink.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
            sink.bind((cluster.b.pod.v4, PORT))
            source.connect((cluster.b.pod.v4, PORT))
            done, sent = threading.Event(), []
            sender = threading.Thread(target=send_numbers, args=(source, done, sent))
            sender.start()
            for number in range(REKEYS):
                rekey(cluster, SA.of(FIRST_SPI + number))
                time.sleep(PAUSE_SECONDS)
            done.set()
            sender.join()
            arrived = receive_numbers(sink)
        assert len(sent) > REKEYS
        assert arrived == sent
        newest = SA.of(FIRST_SPI + REKEYS - 1)
        assert cluster.a.datapath.sequence(newest) > 0


def rekey(cluster: Cluster, new: SA) -> None:
    """As the daemons do it: written unpublished, published at the receiver, switched at the sender.

    The SAs before go on opening until their slot is needed again."""
    cluster.b.datapath.unpublish(new)
    cluster.b.datapath.add_inbound(new, PEER, cluster.a.identity)
    cluster.a.datapath.add_outbound(new, PEER, cluster.a.identity)


def send_numbers(source: socket.socket, done: threading.Event, sent: list[int]) -> None:
    while not done.is_set():
        source.send(len(sent).to_bytes(4, "big"))
        sent.append(len(sent))
        time.sleep(PACING_SECONDS)
    source.send(LAST)


def receive_numbers(sink: socket.socket) -> list[int]:
    sink.settimeout(2)
    arrived = []
    while (datagram := sink.recv(64)) != LAST:
        arrived.append(int.from_bytes(datagram, "big"))
    return arrived
