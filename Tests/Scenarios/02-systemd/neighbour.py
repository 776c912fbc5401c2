# SPDX-License-Identifier: Apache-2.0
"""A second node beside the booted machine, without systemd."""

import re
import signal
import time
from pathlib import Path
from typing import Any, Optional

from harness import commands
from harness.configuration import node_configuration
from harness.daemons import Daemon
from harness.lifetime import Run
from harness.machine import Machine
from harness.namespaces import Namespace
from harness.topology import Node, Pod, TwoNodes

ANSWER = re.compile(r"^\[(\d+\.\d+)\] .* icmp_seq=(\d+) ttl=", re.MULTILINE)
SENT = re.compile(r"(\d+) packets transmitted")
INTERVAL = 0.05
# The last ones may be on their way when the ping is told to end.
ON_THE_WAY = 4


class Neighbour:
    """node-b, on a cable of its own to the machine, with the pod cache-0."""

    def __init__(self, run: Run, machine: Machine) -> None:
        self._run = run
        self.node = Node("node-b", 2, Namespace(run, "node-b"))
        machine.connect("to-node-b", self.node.namespace, self.node.uplink)
        machine.run("ip", "route", "add", f"{self.node.v4}/32", "dev", "to-node-b", "src", "192.0.2.11")
        self.node.namespace.batch(
            f"address add {self.node.v4}/24 dev {self.node.uplink}", "route add 10.42.1.0/24 via 192.0.2.11",
        )
        self.node.namespace.sysctl(ipv4__ip_forward=1)
        self.pod = self._add_pod("cache-0", "10.42.2.20")
        machine.run("ip", "route", "add", f"{self.pod.v4}/32", "via", self.node.v4)

    def start(self, token: dict[str, Any], more: str) -> None:
        configuration = node_configuration(self._run, TwoNodes, token, self.node) + more
        self.daemon = Daemon(self._run, self.node, configuration)
        self.daemon.start()
        self.daemon.add_pod(self.pod, "cache", "cache")

    def pings(self, address: str) -> "Trace":
        return Trace(self.pod, address, self._run.directory / f"pings-{time.monotonic_ns()}.log")

    def _add_pod(self, name: str, address: str) -> Pod:
        pod = Pod(name, Namespace(self._run, name), f"pod-{name}", address, "")
        self.node.namespace.batch(
            f"link add {pod.host_interface} type veth peer name eth0 netns {pod.namespace.full_name}",
            f"link set {pod.host_interface} up",
            f"route add {address}/32 dev {pod.host_interface}",
        )
        self.node.namespace.sysctl(**{f"ipv4__conf__{pod.host_interface}__proxy_arp": 1})
        pod.namespace.batch(
            "link set eth0 up", f"address add {address}/32 dev eth0", "route add default dev eth0",
        )
        return pod


class Trace:
    """Pings from a pod while the context lasts, and when which was answered."""

    def __init__(self, pod: Pod, address: str, log: Path) -> None:
        self._command = ("ping", "-n", "-D", "-i", str(INTERVAL), address)
        self._pod, self._log = pod, log

    def __enter__(self) -> "Trace":
        self._ping = self._pod.namespace.spawn(*self._command, log=self._log.open("wb"))
        time.sleep(0.5)
        return self

    def __exit__(self, *_: object) -> None:
        time.sleep(0.5)
        commands.stop(self._ping, how=signal.SIGINT)

    @property
    def lost(self) -> Optional[int]:
        """How many were not answered, once it has ended."""
        sent = SENT.search(self._log.read_text())
        answered = {int(number) for _, number in self._answers()}
        return sent and len(set(range(1, int(sent[1]) + 1 - ON_THE_WAY)) - answered)

    @property
    def last(self) -> float:
        """When the last answer so far came, in seconds since 1970."""
        return max((float(when) for when, _ in self._answers()), default=0)

    def _answers(self) -> list[tuple[str, str]]:
        return ANSWER.findall(self._log.read_text(errors="replace"))
