"""WireGuard between the nodes in user space, as network plugins set it up: encryption per node."""

import subprocess
import time
from pathlib import Path as File

from harness import commands
from harness.topology import Node, Pod
from .path import Path

LISTEN_PORT = 51820
# What wireguard-go gives its interface; pods are told, as network plugins do.
MTU = 1420
START_SECONDS = 10


class WireGuardGo(Path):
    name = "wireguard-go"
    title = "wireguard-go"

    def set_up(self) -> None:
        tunnels = [Tunnel(self, node, pod) for node, pod in self.machines.ends]
        for here, there in (tunnels, tunnels[::-1]):
            here.connect(there)
        self._tunnels = tunnels
        self.wait_until_sealed()

    def processes(self) -> tuple[int, ...]:
        return tuple(tunnel.process.pid for tunnel in self._tunnels)


class Tunnel:
    """One wireguard-go and its interface, named apart because their control sockets share a directory."""

    def __init__(self, path: Path, node: Node, pod: Pod) -> None:
        self.node, self.pod = node, pod
        self._directory = path.run.directory / f"{path.name}-{node.name}"
        self._directory.mkdir()
        self._interface = f"{path.run.prefix}wg{node.index}"
        self._private_key = self._directory / "key"
        self._private_key.touch(mode=0o600)
        self._private_key.write_text(commands.run("wg", "genkey"))
        self.public_key = commands.run("wg", "pubkey", stdin=self._private_key.read_text()).strip()
        self.process = self._start(path)

    def connect(self, there: "Tunnel") -> None:
        """All that goes to the other node's pods goes through the tunnel to it."""
        commands.run(
            "wg", "set", self._interface, "listen-port", str(LISTEN_PORT), "private-key", str(self._private_key),
            "peer", there.public_key, "endpoint", f"{there.node.v4}:{LISTEN_PORT}",
            "allowed-ips", f"{there.node.pod_prefix_v4},{there.node.pod_prefix_v6}",
        )
        self.node.namespace.batch(
            f"link set {self._interface} up",
            f"route replace {there.node.pod_prefix_v4} dev {self._interface}",
            f"route replace {there.node.pod_prefix_v6} dev {self._interface}",
        )
        self.pod.namespace.ip("link", "set", "eth0", "mtu", str(MTU))

    def _start(self, path: Path) -> subprocess.Popen:
        log = self._directory / "wireguard-go.log"
        process = self.node.namespace.spawn("wireguard-go", "--foreground", self._interface, log=log.open("wb"))
        socket = File(f"/var/run/wireguard/{self._interface}.sock")
        path.run.at_end(socket.unlink, True)
        path.run.at_end(commands.stop, process)
        deadline = time.monotonic() + START_SECONDS
        while not socket.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"wireguard-go did not start: {log.read_text(errors='replace')}")
            time.sleep(0.05)
        return process
