"""What a measure is, and the servers it needs while it lasts."""

import contextlib
import time
from typing import Iterator, Protocol

from harness import commands
from harness.namespaces import Namespace
from paths import Path

LISTEN_SECONDS = 5
# How much longer than asked a load generator may take before it has failed.
GRACE_SECONDS = 15


class Measure(Protocol):
    name: str

    def fits(self, path: Path) -> bool:
        """Whether the path can carry it."""

    def take(self, path: Path, seconds: int) -> dict[str, float]:
        """Figures by name, each in the unit that its name ends with."""


@contextlib.contextmanager
def serving(path: Path, port: int, *command: str, udp: bool = False) -> Iterator[None]:
    """Runs a server in the server pod, from when it listens until the block ends."""
    namespace = path.machines.server.namespace
    log = path.run.directory / f"{path.name}-server-{port}.log"
    server = namespace.spawn(*command, log=log.open("wb"))
    path.run.at_end(commands.kill_session, server)
    try:
        deadline = time.monotonic() + LISTEN_SECONDS
        while not _listens(namespace, port, udp):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not listen: {log.read_text(errors='replace')}")
            time.sleep(0.02)
        yield
    finally:
        commands.kill_session(server)


def _listens(namespace: Namespace, port: int, udp: bool) -> bool:
    transport = "--udp" if udp else "--tcp"
    return bool(namespace.run("ss", "--no-header", "--listening", "--numeric", transport, f"sport = :{port}").strip())
