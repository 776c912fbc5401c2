"""Podshield as in the demo: two daemons, two pods with identities, sealed from node to node."""

from pathlib import Path as File

from harness.configuration import node_configuration, standalone_configuration
from harness.daemons import Daemon, spiffe_id
from .path import Path


class Podshield(Path):
    name = "podshield"
    title = "Podshield"

    def set_up(self) -> None:
        net, (web, db) = self.machines.net, (self.machines.client, self.machines.server)
        authority = Daemon(self.run, net.a, standalone_configuration(self.run, net))
        authority.start()
        token = authority.ask("token", "generate", "--node", net.b.name)
        node = Daemon(self.run, net.b, node_configuration(self.run, net, token))
        node.start()
        for daemon, pod, account in ((authority, web, "web"), (node, db, "db")):
            authority.psid(
                "entry", "create", "--spiffe-id", spiffe_id(f"ns/shop/sa/{account}"),
                "--node", daemon.node.name, "--label", f"app={account}",
            )
            daemon.add_pod(pod, account, account)
        self._daemons = (authority, node)
        self.wait_until_sealed()

    def processes(self) -> tuple[int, ...]:
        return tuple(daemon.process_id for daemon in self._daemons)

    def table_bytes(self) -> int:
        return sum(map(map_bytes, self.processes()))


def map_bytes(process: int) -> int:
    """Kernel memory of the BPF maps that the process holds open, each counted once."""
    maps: dict[str, int] = {}
    for descriptor in File(f"/proc/{process}/fdinfo").iterdir():
        fields = dict(line.split(":\t", 1) for line in descriptor.read_text().splitlines() if ":\t" in line)
        if "map_id" in fields:
            maps[fields["map_id"]] = int(fields["memlock"])
    return sum(maps.values())
