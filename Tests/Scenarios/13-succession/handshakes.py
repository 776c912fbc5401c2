# SPDX-License-Identifier: Apache-2.0
"""Two workloads that shake hands again and again with the certificates that they have just been given."""

import ssl
import threading
from pathlib import Path

from harness.daemons import Daemon
from harness.lifetime import Run

PAUSE_SECONDS = 0.2


class Handshakes:
    """Between a pod of each of two daemons, until it is stopped; each verifies the other by its own bundle."""

    def __init__(self, run: Run, ends: tuple[tuple[Daemon, str], tuple[Daemon, str]]) -> None:
        self._ends = [(daemon, pod, run.directory / f"handshakes-{pod}") for daemon, pod in ends]
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.made = 0
        self.failures: list[str] = []
        run.at_end(self.stop)
        self._thread.start()

    def stop(self) -> None:
        self._done.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._done.wait(PAUSE_SECONDS):
            try:
                server, client = (self._fetch(*end) for end in self._ends)
                shake_hands(server, client)
                self.made += 1
            except Exception as error:  # noqa: BLE001: whatever it is, it is what the scenario is about
                self.failures.append(f"{type(error).__name__}: {error}")

    @staticmethod
    def _fetch(daemon: Daemon, pod: str, directory: Path) -> Path:
        daemon.psid("issue", "--pod", pod, "--out", str(directory))
        return directory


def shake_hands(server: Path, client: Path) -> None:
    """In memory; raises what either end says."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        _context(ssl.PROTOCOL_TLS_SERVER, server).wrap_bio(to_server, to_client, server_side=True),
        _context(ssl.PROTOCOL_TLS_CLIENT, client).wrap_bio(to_client, to_server),
    ]
    waiting = ends
    while waiting:
        waiting = [end for end in reversed(waiting) if not _is_through(end)]


def _is_through(end: ssl.SSLObject) -> bool:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def _context(protocol: int, directory: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    # Names are SPIFFE IDs, of which this library knows nothing.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(str(directory / "bundle.pem"))
    context.load_cert_chain(str(directory / "svid.pem"), str(directory / "svid.key"))
    return context
