"""What runs in the pods: an HTTP server that knows a secret, a client that asks for it, pings."""

import re
import statistics
import time
from pathlib import Path
from typing import Optional

from . import commands
from .lifetime import Run
from .topology import Pod

HTTP_PORT = 8080
ROUND_TRIP = re.compile(r"time=([\d.]+) ms")


def serve_http(run: Run, pod: Pod, files: dict[str, str]) -> None:
    """Serves these files by HTTP on both families until the run ends; returns when it answers."""
    content = run.directory / f"{pod.name}-http"
    content.mkdir()
    for name, text in files.items():
        (content / name).write_text(text)
    log = (run.directory / f"{pod.name}-http.log").open("wb")
    server = pod.namespace.spawn(
        "/usr/bin/python3", "-m", "http.server", "--bind", "::", "--directory", str(content), str(HTTP_PORT), log=log,
    )
    run.at_end(commands.stop, server)
    _wait_until_open(pod, Path(log.name))


def get(client: Pod, server: Pod, path: str, family: int = 4, timeout: float = 3) -> Optional[str]:
    """What the server answers to the client's request; nothing when no answer comes in time."""
    address = server.v4 if family == 4 else f"[{server.v6}]"
    command = ["curl", "--silent", "--show-error", "--fail", "--globoff", "--max-time", str(timeout)]
    try:
        return client.namespace.run(*command, f"http://{address}:{HTTP_PORT}/{path}", timeout=timeout + 5)
    except commands.CommandFailed:
        return None


def ping(
    client: Pod, server: Pod, family: int = 4, count: int = 1, interval: float = 0.01, size: int = 56
) -> list[float]:
    """Round trips in milliseconds, of the answers that came; `size` bytes of payload."""
    command = ["ping", f"-{family}", "-n", "-c", str(count), "-i", str(interval), "-W", "1", "-s", str(size)]
    try:
        output = client.namespace.run(*command, server.address(family), timeout=count * (1 + interval) + 5)
    except commands.CommandFailed as failure:
        output = failure.output
    return [float(value) for value in ROUND_TRIP.findall(output)]


def median_ping(client: Pod, server: Pod, family: int = 4, count: int = 100) -> Optional[float]:
    """The median round trip in milliseconds; nothing when fewer than nine in ten came back."""
    answers = ping(client, server, family, count)
    return statistics.median(answers) if len(answers) >= count * 9 / 10 else None


def _wait_until_open(pod: Pod, log: Path, timeout: float = 10) -> None:
    deadline = time.monotonic() + timeout
    while not pod.namespace.succeeds("curl", "--silent", "--output", "/dev/null", f"http://[::1]:{HTTP_PORT}/"):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{pod.name}: no HTTP server: {log.read_text(errors='replace')}")
        time.sleep(0.05)
