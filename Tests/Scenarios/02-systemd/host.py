# SPDX-License-Identifier: Apache-2.0
"""The booted machine: an uplink, pods, a container runtime of its own, and what systemd says of the service."""

from pathlib import Path

from harness.lifetime import Run
from harness.machine import Machine
from harness.waiting import wait

SERVICE = "podshield-idd.service"
BOOT_SERVICE = "podshield-datapath-boot.service"
# Of the uplink's far side: in the protected prefixes, and nobody is known there.
ELSEWHERE = "10.42.2.10"
PINGS = f"web-0 ping -n -c 3 -i 0.2 -W 1 {ELSEWHERE}"
# Of a ping.
UNANSWERED = "1"
RUNTIME = "containerd.service"
PINS = "/sys/fs/bpf/podshield"
RESTART_SECONDS = 30


class Host:
    """What the steps do to the machine, and read of it, again and again."""

    def __init__(self, run: Run) -> None:
        self.machine = Machine(run, "host")

    def make_uplink(self) -> None:
        self._ip(
            "link add uplink type veth peer name far-end",
            "link set uplink up", "link set far-end up",
            "address add 192.0.2.11/24 dev uplink",
            f"route add {ELSEWHERE}/32 dev uplink",
            f"neighbour add {ELSEWHERE} dev uplink lladdr 02:00:00:00:00:02",
        )
        self.machine.run("sysctl", "--quiet", "net.ipv4.ip_forward=1")

    def make_pod(self, name: str, address: str) -> None:
        self._ip(
            f"netns add {name}",
            f"link add pod-{name} type veth peer name eth0 netns {name}",
            f"link set pod-{name} up",
            f"-netns {name} link set eth0 up",
            f"-netns {name} address add {address}/32 dev eth0",
            f"-netns {name} route add default dev eth0",
            f"route add {address}/32 dev pod-{name}",
        )
        self.machine.run("sysctl", "--quiet", f"net.ipv4.conf.pod-{name}.proxy_arp=1")

    def remove_pod(self, name: str) -> None:
        self._ip(f"link delete pod-{name}", f"netns delete {name}")

    def make_runtime(self) -> None:
        """Its first container speaks at once. With the drop-in of docs/operations.md."""
        unit = self.machine.root / "etc/systemd/system" / RUNTIME
        unit.write_text(f"[Service]\nType=oneshot\nExecStart=/usr/sbin/ip netns exec {PINGS}\nSuccessExitStatus={UNANSWERED}\n")
        self.override(RUNTIME, "podshield", "[Unit]", f"Requires={BOOT_SERVICE}")

    def override(self, unit: str, name: str, *lines: str) -> None:
        path = self._override_path(unit, name)
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join((*lines, "")))
        self.machine.run("systemctl", "daemon-reload")

    def forget_override(self, unit: str, name: str) -> None:
        self._override_path(unit, name).unlink()
        self.machine.run("systemctl", "daemon-reload")

    def heard_in_clear(self, sending: str = f"ip netns exec {PINGS}") -> str:
        """What the far end of the uplink hears of packets that the pod sends into the protected prefixes."""
        return self.machine.run("sh", "-c", f"""
            timeout 4 tcpdump -lni far-end -c 1 icmp and src 10.42.1.10 and dst {ELSEWHERE} 2>/dev/null &
            sleep 1.5
            {sending} >/dev/null 2>&1
            wait""").strip()

    def journal(self) -> list[str]:
        return self.machine.run("journalctl", "-u", SERVICE, "--no-pager").splitlines()

    def process(self) -> str:
        return self.machine.unit_property(SERVICE, "MainPID")

    def is_replaced(self, process: str) -> bool:
        def is_replaced() -> bool:
            state = self.machine.unit_property(SERVICE, "ActiveState")
            return state == "active" and self.process() not in ("0", process)

        return wait(is_replaced, RESTART_SECONDS)

    def status_text(self) -> str:
        return self.machine.unit_property(SERVICE, "StatusText")

    def pins(self) -> str:
        return self.machine.run("sh", "-c", f"find {PINS} -type f 2>/dev/null | sort")

    def _override_path(self, unit: str, name: str) -> Path:
        return self.machine.root / f"etc/systemd/system/{unit}.d/{name}.conf"

    def _ip(self, *lines: str) -> None:
        for line in lines:
            self.machine.run("ip", *line.split())
