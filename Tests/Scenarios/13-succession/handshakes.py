# SPDX-License-Identifier: Apache-2.0
"""Two workloads that shake hands again and again with the certificates that they have just been given."""

import threading
from pathlib import Path

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
                server, client = (self._fetch(*end) for end in self._ends)
                shake_hands(server, client)
                self.made += 1
            except Exception as error:  # noqa: BLE001: whatever it is, it is what the scenario is about
                self.failures.append(f"{type(error).__name__}: {error}")

    @staticmethod
    def _fetch(daemon: Daemon, pod: str, directory: Path) -> Path:
        daemon.psid("issue", "--pod", pod, "--out", str(directory))
        return directory
