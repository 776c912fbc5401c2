# SPDX-License-Identifier: Apache-2.0
"""Workloads that shake hands again and again with the certificates that they have just been given; and one with what is not its own."""

import ssl
import threading
import time
from pathlib import Path
from typing import Optional

from harness.daemons import Daemon
from harness.lifetime import Run
from harness.tls import shake_hands

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
                server, client = (_fetch(*end) for end in self._ends)
                shake_hands(server, client)
                self.made += 1
            except Exception as error:  # noqa: BLE001: whatever it is, it is what the scenario is about
                self.failures.append(f"{type(error).__name__}: {error}")


class Intrusion:
    """Somebody with an SVID that is not his shakes hands with a pod, again and again, until the pod refuses him."""

    def __init__(self, run: Run, shown: Path, daemon: Daemon, pod: str) -> None:
        self.pod = pod
        self._end = (daemon, pod, run.directory / f"intrusion-{pod}")
        self._shown = shown
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.made = 0
        # Of the monotonic clock.
        self.refused_at: Optional[float] = None
        self.reason = ""
        run.at_end(self.stop)
        self._thread.start()

    def stop(self) -> None:
        self._done.set()
        self._thread.join()

    def _work(self) -> None:
        while self.refused_at is None and not self._done.wait(PAUSE_SECONDS / 10):
            server = _fetch(*self._end)
            try:
                # He himself takes everybody.
                shake_hands(server, self._shown, trusted=(None, server / "bundle.pem"))
                self.made += 1
            except ssl.SSLCertVerificationError as error:
                self.refused_at, self.reason = time.monotonic(), error.verify_message


def _fetch(daemon: Daemon, pod: str, directory: Path) -> Path:
    daemon.psid("issue", "--pod", pod, "--out", str(directory))
    return directory
