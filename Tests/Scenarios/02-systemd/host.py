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
PINGS = f"ping -n -c 3 -i 0.2 -W 1 {ELSEWHERE}"
# Of a ping.
UNANSWERED = "1"
RUNTIME = "containerd.service"
PINS = "/sys/fs/bpf/podshield"
DROP_INS = "/usr/share/doc/podshield"
RESTART_SECONDS = 30


def _uplink() -> str:
    return f"""
        ip link add uplink type veth peer name far-end
        ip link set uplink up
        ip link set far-end up
        ip address add 192.0.2.11/24 dev uplink
        ip route add {ELSEWHERE}/32 dev uplink
        ip neighbour add {ELSEWHERE} dev uplink lladdr 02:00:00:00:00:02
        sysctl --quiet net.ipv4.ip_forward=1"""


def _pod(name: str, address: str) -> str:
    return f"""
        ip netns add {name}
        ip link add pod-{name} type veth peer name eth0 netns {name}
        ip link set pod-{name} up
        ip -netns {name} link set eth0 up
        ip -netns {name} address add {address}/32 dev eth0
        ip -netns {name} route add default dev eth0
        ip route add {address}/32 dev pod-{name}
        sysctl --quiet net.ipv4.conf.pod-{name}.proxy_arp=1"""


PODS = {"web-0": "10.42.1.10", "db-0": "10.42.1.11"}
# A program of the shell.
DEVICES = _uplink() + "".join(_pod(name, address) for name, address in PODS.items())


class Host:
    """What the steps do to the machine, and read of it, again and again."""

    def __init__(self, run: Run) -> None:
        self.machine = Machine(run, "host")

    def make_devices(self) -> None:
        self.machine.run("sh", "-ec", DEVICES)

    def write_unit(self, name: str, *lines: str) -> None:
        (self.machine.root / "etc/systemd/system" / name).write_text("\n".join((*lines, "")))

    def make_pod(self, name: str, address: str) -> None:
        self.machine.run("sh", "-ec", _pod(name, address))

    def remove_pod(self, name: str) -> None:
        self.machine.run("sh", "-ec", f"ip link delete pod-{name}; ip netns delete {name}")

    def write_runtime(self, unit: str, pod: str) -> None:
        """One that is enabled, and whose first container, that pod, speaks at once."""
        self.write_unit(
            unit, "[Service]", "Type=oneshot", f"ExecStart=/usr/sbin/ip netns exec {pod} {PINGS}",
            f"SuccessExitStatus={UNANSWERED}", "[Install]", "WantedBy=multi-user.target",
        )

    def install_drop_in(self, unit: str, name: str) -> None:
        """One of those that come with the documentation."""
        self.override(unit, name, (self.machine.root / DROP_INS.lstrip("/") / f"{name}.conf").read_text())

    def override(self, unit: str, name: str, *lines: str) -> None:
        path = self._override_path(unit, name)
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join((*lines, "")))
        self.machine.run("systemctl", "daemon-reload")

    def forget_override(self, unit: str, name: str) -> None:
        self._override_path(unit, name).unlink()
        self.machine.run("systemctl", "daemon-reload")

    def heard_in_clear(self, sending: str = f"ip netns exec web-0 {PINGS}") -> str:
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
