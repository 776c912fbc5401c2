"""How long a question of 64 bytes takes to its answer: sockperf."""

import re

import ports
from paths import Path
from .measure import GRACE_SECONDS, serving

BYTES = 64
PERCENTILE = re.compile(r"percentile ([\d.]+)\s*=\s*([\d.]+)")


class RoundTrip:
    def __init__(self, transport: str) -> None:
        self.name = f"{transport}-round-trip"
        self._transport = transport
        self._options = ("--tcp",) if transport == "tcp" else ()

    def fits(self, path: Path) -> bool:
        return self._transport == "tcp" or path.carries_udp

    def take(self, path: Path, seconds: int) -> dict[str, float]:
        server = ("sockperf", "server", *self._options, "--ip", "0.0.0.0", "--port", str(ports.ROUND_TRIP))
        with serving(path, ports.ROUND_TRIP, *server, udp=self._transport == "udp"):
            output = path.machines.client.namespace.run(
                "sockperf", "ping-pong", *self._options, "--ip", path.address, "--port", str(ports.ROUND_TRIP),
                "--msg-size", str(BYTES), "--time", str(seconds), "--full-rtt", timeout=seconds + GRACE_SECONDS,
            )
        found = {float(rank): float(value) for rank, value in PERCENTILE.findall(output)}
        if not found:
            raise RuntimeError(f"sockperf has counted no round trip: {output[-500:]}")
        return {f"{self._transport}_64_p{rank}_us": found[rank] for rank in (50, 99)}
