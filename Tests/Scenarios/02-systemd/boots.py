# SPDX-License-Identifier: Apache-2.0
"""The machine boots with the units enabled, and with runtimes that systemd starts in the same transaction."""

from host import BOOT_SERVICE, DEVICES, PODS, RUNTIME, SERVICE, UNANSWERED, Host

from harness.report import Report

# Of no name that the units know: its order is its drop-in's. The other's is the units' alone.
STRICT_RUNTIME = "pods.service"
RUNTIMES = {RUNTIME: "web-0", STRICT_RUNTIME: "db-0"}
NETWORK, LISTENER = "devices.service", "listener.service"
HEARD, LISTENS = "/root/heard.txt", "/root/listens.txt"


def play(host: Host, report: Report, units: tuple[str, ...]) -> None:
    boots = Boots(host, report, units)
    boots.guarded()
    boots.unguarded()


class Boots:
    def __init__(self, host: Host, report: Report, units: tuple[str, ...]) -> None:
        self.host, self.machine, self.report, self.units = host, host.machine, report, units
        self.configuration = host.machine.root / "etc/podshield/config.yaml"

    def guarded(self) -> None:
        self.report.step("15. The machine boots with all of it enabled, and two container runtimes")
        self._enable()
        self._boot()
        self.report.expect("the guard is up", self._state(BOOT_SERVICE) == "active", self._state(BOOT_SERVICE))
        self.report.expect("the daemon is ready", self.machine.succeeds("psid", "status"), self.host.status_text())
        for runtime in RUNTIMES:
            guarded, ready = (self._moment(unit, "ActiveEnter") for unit in (BOOT_SERVICE, SERVICE))
            started = self._moment(runtime, "InactiveExit")
            self.report.expect(
                f"{runtime} starts after both", 0 < guarded <= started and 0 < ready <= started,
                f"{(started - guarded) / 1e6:.3f} s after the guard, {(started - ready) / 1e6:.3f} s after the daemon")
            self._expect_started(runtime)
        self.report.expect("of their pods' first packets nothing is heard", not self._heard(), self._heard() or None)

    def unguarded(self) -> None:
        self.report.step("16. It boots with an error in the configuration")
        self.configuration.write_text(f"{self.configuration.read_text()}\nnonsense: 1\n")
        self._boot()
        self.report.expect("the guard fails", self._state(BOOT_SERVICE) == "failed", self._state(BOOT_SERVICE))
        failed, started = self._moment(BOOT_SERVICE, "InactiveEnter"), self._moment(RUNTIME, "InactiveExit")
        self.report.expect(
            f"{RUNTIME}, without the drop-in, starts all the same, though after the attempt", 0 < failed <= started,
            f"{(started - failed) / 1e6:.3f} s after it")
        self._expect_started(RUNTIME)
        pod = PODS[RUNTIMES[RUNTIME]]
        heard = self._heard()
        self.report.expect("its pod is heard in the clear, as docs/operations.md says", any(f" {pod} >" in line for line in heard), heard[:1])
        never = self._moment(STRICT_RUNTIME, "InactiveExit") == 0
        self.report.expect(f"{STRICT_RUNTIME}, which requires the guard by runtime.conf, does not start", never, self._state(STRICT_RUNTIME))
        pod = PODS[RUNTIMES[STRICT_RUNTIME]]
        self.report.expect("of its pod nothing is heard", not any(f" {pod} >" in line for line in heard))

    # Parts of the steps

    def _enable(self) -> None:
        """What the network's own service makes on a real machine is there when that target is reached, and somebody listens."""
        (self.machine.root / "root/devices.sh").write_text(DEVICES)
        self.host.write_unit(
            NETWORK, "[Unit]", "Before=network.target", "Wants=network.target", "[Service]", "Type=oneshot", "RemainAfterExit=yes",
            "ExecStart=/bin/sh -e /root/devices.sh", "[Install]", "WantedBy=multi-user.target",
        )
        self.host.write_unit(
            LISTENER, "[Unit]", f"After={NETWORK}", f"Before={' '.join(RUNTIMES)}", "[Service]",
            "ExecStart=/usr/bin/tcpdump -Z root -lni far-end icmp", f"StandardOutput=truncate:{HEARD}", f"StandardError=truncate:{LISTENS}",
            f"ExecStartPost=/bin/sh -c 'until grep -q listening {LISTENS}; do sleep 0.05; done'",
            "[Install]", "WantedBy=multi-user.target",
        )
        for runtime, pod in RUNTIMES.items():
            self.host.write_runtime(runtime, pod)
        self.host.forget_override(RUNTIME, "runtime")
        self.host.install_drop_in(STRICT_RUNTIME, "runtime")
        self.machine.run("systemctl", "enable", *self.units, NETWORK, LISTENER, *RUNTIMES)

    def _boot(self) -> None:
        self.machine.power_off()
        self.machine.boot("multi-user.target")

    def _expect_started(self, runtime: str) -> None:
        """Its pod has sent, and was not answered."""
        status = self.machine.unit_property(runtime, "ExecMainStatus")
        self.report.expect("and its pod has spoken", status == UNANSWERED, f"status {status}")

    def _heard(self) -> list[str]:
        return self.machine.run("cat", HEARD).splitlines()

    def _state(self, unit: str) -> str:
        return self.machine.unit_property(unit, "ActiveState")

    def _moment(self, unit: str, change: str) -> int:
        """When that last happened, in microseconds of the monotonic clock; 0 if never."""
        return int(self.machine.unit_property(unit, f"{change}TimestampMonotonic"))
