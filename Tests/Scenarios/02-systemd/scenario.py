# SPDX-License-Identifier: Apache-2.0
"""The installed service under a real systemd: see README.md beside this file."""

import json
import subprocess

from harness import commands
from harness.configuration import single_machine_configuration
from harness.daemons import ROOT, TRUST_DOMAIN
from harness.lifetime import Run
from harness.machine import Machine
from harness.report import Report

TITLE = "Podshield as a service: start, issue, journal, reload, restart, stop"

SERVICE = "podshield-idd.service"
PINS = "/sys/fs/bpf/podshield"
WEB_ID = f"spiffe://{TRUST_DOMAIN}/ns/shop/sa/web"
# Bit numbers of linux/capability.h.
CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_IPC_LOCK": 14, "CAP_PERFMON": 38, "CAP_BPF": 39}
INSTALL_SECONDS = 280


def play(run: Run, report: Report) -> None:
    service = Service(run, report)
    service.install()
    try:
        service.start()
        service.issue()
        service.journal()
        service.reload_and_restart()
        service.stop()
        service.uninstall()
    finally:
        service.save_journal(run)


class Service:
    def __init__(self, run: Run, report: Report) -> None:
        self.report = report
        self.machine = Machine(run, "host")

    def install(self) -> None:
        self.report.step("1. Install, boot")
        commands.run(
            "make", "--no-print-directory", "-C", str(ROOT), "install", "CONFIGURATION=debug",
            f"DESTDIR={self.machine.root}", timeout=INSTALL_SECONDS,
        )
        configuration = self.machine.root / "etc/podshield/config.yaml"
        self.report.expect("an example configuration is installed", configuration.exists())
        configuration.write_text(single_machine_configuration())
        self.machine.boot()
        self._make_uplink_and_pod()
        self._says("psid config validate accepts the configuration", "psid", "config", "validate")

    def start(self) -> None:
        self.report.step("2. Start")
        self._says("it starts and reports ready", "systemctl", "start", "podshield-netns.socket", SERVICE)
        state = self.machine.unit_property(SERVICE, "ActiveState")
        self.report.expect("active, with a line of status", state == "active" and self._status_text() != "", self._status_text())
        status = json.loads(self.machine.run("psid", "status", "-o", "json"))
        self.report.expect("psid status: ready", status["ready"], ", ".join(f["message"] for f in status["findings"]) or "ready")
        self._expect_capabilities()

    def issue(self) -> None:
        self.report.step("3. A pod and its identity")
        psid = "psid"
        self._says("an entry", psid, "entry", "create", "--spiffe-id", WEB_ID, "--node", "node-a", "--label", "app=web")
        self._says(
            "a pod, whose namespace the helper enters", psid, "pod", "add", "web-0", "--namespace", "shop",
            "--service-account", "web", "--label", "app=web", "--netns", "/run/netns/web-0",
        )
        self._says("psid issue", psid, "issue", "--pod", "web-0", wanted=WEB_ID)

    def journal(self) -> None:
        self.report.step("4. The journal")
        entries = [json.loads(line) for line in self.machine.run(
            "journalctl", "-u", SERVICE, "-o", "json", "--no-pager"
        ).splitlines()]
        native = [entry for entry in entries if "MESSAGE_ID" in entry and any(key.startswith("PODSHIELD_") for key in entry)]
        self.report.expect("journalctl -u podshield-idd has events with fields of their own", bool(native), f"{len(native)} of {len(entries)}")
        for entry in native[:5]:
            self.report.note(f"{entry['MESSAGE_ID']}  {entry['MESSAGE']}")

    def reload_and_restart(self) -> None:
        self.report.step("5. Reload and restart")
        self._says("reload", "systemctl", "reload", SERVICE)
        before = self._pins()
        serial = json.loads(self.machine.run("psid", "issue", "--pod", "web-0", "-o", "json"))["serial"]
        self._says("restart", "systemctl", "restart", SERVICE)
        self.report.expect("the pins are the same", self._pins() == before and before != "", f"{len(before.split())} pins")
        after = json.loads(self.machine.run("psid", "issue", "--pod", "web-0", "-o", "json"))["serial"]
        self.report.expect("the pod and its SVID are still there", after == serial, f"serial {after}")

    def stop(self) -> None:
        self.report.step("6. Stop")
        self._says("it stops", "systemctl", "stop", SERVICE)
        result = self.machine.unit_property(SERVICE, "Result")
        self.report.expect("in order", result == "success", result)
        self.report.expect("what protects the pods stays", self._pins() != "", f"{len(self._pins().split())} pins")

    def uninstall(self) -> None:
        self.report.step("7. Uninstall")
        self._says("the datapath goes", "psid", "datapath", "uninstall")
        self.report.expect("no pin is left", self._pins() == "", self._pins() or None)

    def save_journal(self, run: Run) -> None:
        """For who wants to know why something failed."""
        (run.directory / "journal.log").write_text(self.machine.run("journalctl", "--no-pager", "--unit", "podshield*"))

    # Parts of the steps

    def _says(self, expected: str, *command: str, wanted: str = "") -> None:
        """Runs a command inside that has to succeed and to print what is wanted."""
        try:
            output, holds = self.machine.run(*command, timeout=60), True
        except (commands.CommandFailed, subprocess.TimeoutExpired) as failure:
            output, holds = str(failure), False
        first = next((line for line in output.splitlines() if wanted in line), "")
        self.report.expect(expected, holds and wanted in output, first or output or None)

    def _make_uplink_and_pod(self) -> None:
        for line in (
            "link add uplink type veth peer name far-end",
            "link set uplink up", "link set far-end up",
            "address add 192.0.2.11/24 dev uplink",
            "netns add web-0",
            "link add pod-web-0 type veth peer name eth0 netns web-0",
            "link set pod-web-0 up",
            "-netns web-0 link set eth0 up",
            "-netns web-0 address add 10.42.1.10/32 dev eth0",
            "-netns web-0 route add default dev eth0",
            "route add 10.42.1.10/32 dev pod-web-0",
        ):
            self.machine.run("ip", *line.split())

    def _status_text(self) -> str:
        return self.machine.unit_property(SERVICE, "StatusText")

    def _expect_capabilities(self) -> None:
        process = self.machine.unit_property(SERVICE, "MainPID")
        held = int(self.machine.run("sed", "-n", r"s/^CapEff:\s*//p", f"/proc/{process}/status"), 16)
        allowed = sum(1 << number for number in CAPABILITIES.values())
        self.report.expect(f"no capability beyond {', '.join(CAPABILITIES)}", held & ~allowed == 0, f"{held:#x}")

    def _pins(self) -> str:
        return self.machine.run("sh", "-c", f"find {PINS} -type f 2>/dev/null | sort")
