# SPDX-License-Identifier: Apache-2.0
"""Peers that stop in the middle of a handshake, after each message of theirs: strangers, and a node with its own certificate."""

import socket
import ssl
import struct
import threading
import time
from typing import Optional

from box import Box, expect_doctor_knows

from harness.daemons import Daemon
from harness.waiting import wait

LINK_PORT, AUTHORITY_PORT = 7600, 7601
HANDSHAKE_SECONDS, PATIENCE_SECONDS = 12, 10
TOO_LONG = "the handshake took too long"
LINK_REFUSED, CONNECTION_REFUSED, EPOCH_FAILED = "PSD4005", "PSD2002", "PSD4007"
BEGINNING_OF_A_RECORD = b"\x16\x03\x01\x02\x00\x01"
# docs/protocol.md
ALPN, HELLO, KEM_OFFER = "podshield-link/1", 1, 2
ENCAPSULATION_KEY_BYTES, BOOT_ID_BYTES = 1184, 16


class Stalls:
    """node-b's address and, later on, its key and certificate as well; node-a waits."""

    def __init__(self, box: Box, b: Daemon) -> None:
        self.box, self.report, self.a, self.b = box, box.report, box.daemon, b
        self._ends: dict[str, tuple[socket.socket, str]] = {}
        self._seconds: dict[str, Optional[float]] = {}
        self._thread = threading.Thread(target=self._stall_as_node)

    def begin(self) -> None:
        """All that a stranger can say, and the node one after the other: of two of its own only the newer would stay.
        Without a session its next real connection would end them early."""
        wait(lambda: self.a.epoch("node-b"))
        for name, words in (("six bytes", BEGINNING_OF_A_RECORD), ("a ClientHello", _client_hello())):
            for place, port in (("the node link", LINK_PORT), ("the authority", AUTHORITY_PORT)):
                connection = self._dial(port)
                connection.sendall(words)
                end = "" if port == LINK_PORT else f" port {connection.getsockname()[1]}"
                what = LINK_REFUSED + " a link" if port == LINK_PORT else CONNECTION_REFUSED + " the authority refused a connection"
                self._ends[f"{place}, after {name}"] = (connection, f"{what} from {self.box.net.b.v4}{end}")
        self._told = self._lines(EPOCH_FAILED)
        self._thread.start()

    def end(self) -> None:
        self.report.step("6. Peers that stop in the middle of a handshake")
        for name, (connection, line) in self._ends.items():
            self.report.expect(f"{name}: it hangs up on who does not go on", _seconds_to_end(connection) is not None)
            told = wait(lambda: next((text for text in self.a.log.splitlines() if line in text), None), PATIENCE_SECONDS)
            self.report.expect("and says so", bool(told) and TOO_LONG in told, told)
            expect_doctor_knows(self.box, line.split()[0], TOO_LONG, self.a)
        self._thread.join()
        for name, seconds in self._seconds.items():
            held = seconds is not None and seconds <= HANDSHAKE_SECONDS
            self.report.expect(f"the node link, a node that stops after {name}: it hangs up", held, seconds and f"after {seconds:.1f} s")
        told = wait(lambda: self._lines(EPOCH_FAILED) - self._told >= len(self._seconds), PATIENCE_SECONDS)
        self.report.expect(f"each time it is said, {EPOCH_FAILED}", told, self._lines(EPOCH_FAILED) - self._told)
        expect_doctor_knows(self.box, EPOCH_FAILED, TOO_LONG, self.a)
        states = [peer["state"] for peer in self.a.ask("peers")["peers"]]
        self.report.expect("the node's session stands all the while", states == ["established"], states)

    def _lines(self, code: str) -> int:
        return sum(code in line and TOO_LONG in line for line in self.a.log.splitlines())

    def _dial(self, port: int) -> socket.socket:
        return self.box.net.b.namespace.inside(lambda: socket.create_connection((self.box.net.a.v4, port), timeout=5))

    # MARK: As node-b

    def _stall_as_node(self) -> None:
        number = next(peer["number"] for peer in self.a.ask("peers")["peers"] if peer["name"] == "node-b")
        hello = _hello(number)
        for name, words in (("TLS", b""), ("its hello", hello), ("its KEM offer", hello + _kem_offer())):
            self._seconds[name] = None
            self._seconds[name] = self._stall_after(words)

    def _stall_after(self, words: bytes) -> Optional[float]:
        with _node_context(self.b).wrap_socket(self._dial(LINK_PORT)) as secured:
            secured.sendall(words)
            return _seconds_to_end(secured)


def _node_context(daemon: Daemon) -> ssl.SSLContext:
    context = _trusting_anybody()
    context.load_cert_chain(daemon.configuration_file.parent / "state/node/node.pem")
    context.set_alpn_protocols([ALPN])
    return context


def _trusting_anybody() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _client_hello() -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        _trusting_anybody().wrap_bio(incoming, outgoing).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def _hello(number: int) -> bytes:
    """Versions, suites, post-quantum modes, features, the node's number, its boot."""
    return _frame(HELLO, struct.pack("!BBHHHBQI", 1, 1, 1, 1, 1, 1, 0, number) + bytes(BOOT_ID_BYTES))


def _kem_offer() -> bytes:
    """Zeros are a key as good as any, by their form (FIPS 203 7.2)."""
    return _frame(KEM_OFFER, bytes(ENCAPSULATION_KEY_BYTES))


def _frame(kind: int, body: bytes) -> bytes:
    return struct.pack("!IB", len(body) + 1, kind) + body


def _seconds_to_end(connection: socket.socket) -> Optional[float]:
    """Reads until the other side hangs up; nothing when it does not."""
    began = time.monotonic()
    with connection:
        connection.settimeout(HANDSHAKE_SECONDS)
        try:
            while connection.recv(4096):
                pass
        except (ConnectionResetError, ssl.SSLError):
            pass
        except TimeoutError:
            return None
    return time.monotonic() - began
