"""How many connections a second can be opened, each used for a byte there and a byte back."""

from pathlib import Path as File

import ports
from paths import Path
from .measure import GRACE_SECONDS, serving

PROGRAM = str(File(__file__).resolve().parents[2] / "build/benchmarks/connections")
CLIENTS = 8


class Connections:
    name = "connections"

    def fits(self, path: Path) -> bool:
        return True

    def take(self, path: Path, seconds: int) -> dict[str, float]:
        with serving(path, ports.CONNECTIONS, PROGRAM, "serve", str(ports.CONNECTIONS)):
            output = path.machines.client.namespace.run(
                PROGRAM, "dial", path.address, str(ports.CONNECTIONS), str(CLIENTS), str(seconds),
                timeout=seconds + GRACE_SECONDS,
            )
        return {"connections_per_s": float(output)}
