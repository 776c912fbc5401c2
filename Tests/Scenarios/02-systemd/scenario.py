# SPDX-License-Identifier: Apache-2.0
"""The installed service under a real systemd: see README.md beside this file."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Iterator

sys.path.insert(0, str(Path(__file__).resolve().parent))

import boots  # noqa: E402
from host import BOOT_SERVICE, DROP_INS, RESTART_SECONDS, RUNTIME, SERVICE, UNANSWERED, Host  # noqa: E402
from neighbour import Neighbour  # noqa: E402

from harness import commands  # noqa: E402
from harness.canaries import Canaries, files_of, keys_below  # noqa: E402
from harness.configuration import joining_by_tpm_configuration, single_machine_configuration  # noqa: E402
from harness.daemons import ROOT, spiffe_id  # noqa: E402
from harness.lifetime import Run  # noqa: E402
from harness.report import Report  # noqa: E402
from harness.waiting import wait  # noqa: E402

TITLE = "Podshield as a service: boot, start, issue, journal, reload, restart, crash, hang, stop"

# Programs may have to be linked first.
TIME_LIMIT_SECONDS = 450
START_RUNTIME = f"systemctl start {RUNTIME}"
STATE = "/var/lib/podshield"
CA_CERTIFICATE = f"{STATE}/authority/ca.pem"
CA_KEY = f"{STATE}/authority/ca.key"
SEALED_KEY = "/etc/podshield/ca-key.cred"
STATE_KEY = "/etc/podshield/state-key.cred"
SOCKET, AGENT_SOCKET = "podshield-idd.socket", "podshield-agent.socket"
UNITS = (BOOT_SERVICE, "podshield-netns.socket", SOCKET, AGENT_SOCKET, SERVICE)
ASKER, ASK = "asker.service", "/usr/local/bin/ask-workload-api"
LOOP_STOPPER = Path(__file__).with_name("loop_stopper.py")
ADMIN_SOCKET = "/run/podshield/admin.sock"
WEB_ID = spiffe_id("ns/shop/sa/web")
NOBODY = ("--reuid=65534", "--regid=65534", "--clear-groups")
PYTHON = str(Path("/usr/bin/python3").resolve())
# Bit numbers of linux/capability.h.
CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_IPC_LOCK": 14, "CAP_PERFMON": 38, "CAP_BPF": 39}
# Exit statuses of psid.
DENIED, NOT_REACHABLE = 4, 5
INSTALL_SECONDS = 280
# Pods at once: several times as many as helpers are asked for at a time.
CROWD = 50
# Until the node knows of a new entry.
ENTRY_SECONDS = 5
# Between the daemons of a restart, so that somebody asks in it.
GAP_SECONDS = 2
DUMP = "/root/dump.tar.gz"
TPM = "/dev/tpmrm0"
UNKEPT_CLOCK = "PSD3016"
# Of keys beside the second node; the kernel drops at twice that.
EPOCH_SECONDS = 10
SHORT_EPOCHS = f"""
link:
  epoch-lifetime: {EPOCH_SECONDS}s
"""
# Without an answer, until pings have ended.
SILENCE_SECONDS = 1.5


def play(run: Run, report: Report) -> None:
    service = Service(run, report)
    service.install()
    try:
        service.guard_boot()
        service.start()
        service.issue()
        service.crowd()
        service.workloads()
        service.journal()
        service.support()
        service.reload_and_restart()
        service.sockets()
        service.seal_key()
        service.crash_and_hang()
        service.neighbour()
        service.stop()
        service.tpm()
        service.uninstall()
        boots.play(service.host, report, UNITS)
    finally:
        service.save_journal(run)


class Service:
    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        self.host = Host(run)
        self.machine = self.host.machine
        self.programs = Path(os.environ.get("PODSHIELD_BINARIES", run.directory / "programs"))
        self.package = run.directory / "package"

    def install(self) -> None:
        self.report.step("1. Install, boot")
        if not self.programs.exists():
            commands.run(str(ROOT / "scripts/standalone"), str(self.programs), timeout=INSTALL_SECONDS)
        self._expect_nothing_left_of_a_package()
        self._make("install", self.machine.root)
        configuration = self.machine.root / "etc/podshield/config.yaml"
        self.report.expect("an example configuration is installed", configuration.exists())
        configuration.write_text(single_machine_configuration())
        programs = (self.machine.root / ASK.lstrip("/")).parent
        shutil.copy(Path(__file__).with_name("ask.py"), self.machine.root / ASK.lstrip("/"))
        shutil.copy(ROOT / "Tests/Scenarios/harness/bare_grpc.py", programs)
        self.machine.boot()
        # What `make install` does itself where it installs into the running system.
        self.machine.run("journalctl", "--update-catalog")
        self._expect_no_toolchain()
        self.host.make_devices()
        self._says("psid config validate accepts the configuration", "psid", "config", "validate")

    def guard_boot(self) -> None:
        self.report.step("2. Before the daemon: the devices are guarded")
        heard = self.host.heard_in_clear()
        self.report.expect("without Podshield a pod's packet leaves in the clear", heard != "", heard)
        self._says("the units can be enabled", "systemctl", "enable", *UNITS)
        self.host.write_runtime(RUNTIME, "web-0")
        self.host.install_drop_in(RUNTIME, "runtime")
        configuration = self.machine.root / "etc/podshield/config.yaml"
        good = configuration.read_text()
        configuration.write_text(f"{good}\nnonsense: 1\n")
        heard = self.host.heard_in_clear(START_RUNTIME)
        failed = self.machine.unit_property(BOOT_SERVICE, "ActiveState")
        self.report.expect(
            "a container runtime that requires the guard does not start where that fails", failed == "failed" and heard == "",
            heard or failed,
        )
        configuration.write_text(good)
        heard = self.host.heard_in_clear(START_RUNTIME)
        self.report.expect("else the guard is up before it: of its first packet nothing is heard", heard == "", heard or None)
        ended = self.machine.unit_property(RUNTIME, "ExecMainStatus")
        self.report.expect("though it has sent some", ended == UNANSWERED, f"status {ended}")
        self._says("the unit for the boot has succeeded", "systemctl", "is-active", BOOT_SERVICE)
        pins = len(self.host.pins().split())
        self.report.expect("programs are pinned at the devices", pins > 0, f"{pins} pins")
        heard = self.host.heard_in_clear()
        self.report.expect("now it does not leave", heard == "", heard or None)

    def start(self) -> None:
        self.report.step("3. Start")
        self._says("it starts and reports ready", "systemctl", "start", "podshield-netns.socket", SOCKET, AGENT_SOCKET, SERVICE)
        state = self.machine.unit_property(SERVICE, "ActiveState")
        self.report.expect("active, with a line of status", state == "active" and self.host.status_text() != "", self.host.status_text())
        status = json.loads(self.machine.run("psid", "status", "-o", "json"))
        self.report.expect("psid status: ready", status["ready"], ", ".join(f["message"] for f in status["findings"]) or "ready")
        self._expect_capabilities()
        self._says("the admin socket is root's alone", "stat", "-c", "%A %U %G", ADMIN_SOCKET, wanted="srw------- root root")
        self._expect_no_complaint_of_threads()
        self._guard_again()
        self._says(
            "psid of another user: denied", "sh", "-c",
            f"setpriv {' '.join(NOBODY)} psid status 2>&1; test $? = {DENIED}", wanted="psid is for root",
        )

    def issue(self) -> None:
        self.report.step("4. A pod and its identity")
        for account in ("web", "db"):
            label = f"app={account}"
            self._says(
                f"an entry for {account}", "psid", "entry", "create", "--spiffe-id",
                spiffe_id(f"ns/shop/sa/{account}"), "--node", "node-a", "--label", label,
            )
            self._says(
                f"the pod {account}-0, whose namespace the helper enters", "psid", "pod", "add", f"{account}-0", "--namespace",
                "shop", "--service-account", account, "--label", label, "--netns", f"/run/netns/{account}-0",
            )
        self._says("psid issue", "psid", "issue", "--pod", "web-0", wanted=WEB_ID)

    def crowd(self) -> None:
        self.report.step("4. A node whose pods all come at once")
        self._says("an entry for them", "psid", "entry", "create", "--spiffe-id", spiffe_id("crowd"), "--node", "node-a", "--label", "app=crowd")
        names = [f"crowd-{number}" for number in range(CROWD)]
        for number, name in enumerate(names):
            self.host.make_pod(name, f"10.42.1.{100 + number}")
        failed = self._each_at_once(names, "add {} --namespace shop --service-account crowd --label app=crowd --netns /run/netns/{}")
        self.report.expect(f"{CROWD} pods added at once all have an identity", not failed, failed[:3] or None)
        said = self.machine.run("journalctl", "-u", "podshield-netns.socket", "-o", "cat", "--no-pager").splitlines()
        refused = [line for line in said if "onnections" in line or "limit" in line]
        self.report.expect("systemd turned none of their helpers away", not refused, refused[:3] or None)
        failed = self._each_at_once(names, "remove {} --namespace shop")
        self.report.expect("they leave at once, too", not failed, failed[:3] or None)
        for name in names:
            self.host.remove_pod(name)

    def workloads(self) -> None:
        self.report.step("5. The Workload API, for processes of units")
        for name, selectors in (
            ("unit", (f"systemd:unit:{ASKER}", "unix:user:nobody")), ("path", (f"unix:path:{PYTHON}", "unix:uid:65534")),
            ("digest", (f"unix:sha256:{sha256(Path(PYTHON).read_bytes()).hexdigest()}", "unix:gid:65534")),
        ):
            self.machine.run(
                "psid", "entry", "create", "--spiffe-id", spiffe_id(name), "--node", "node-a",
                *(word for selector in selectors for word in ("--selector", selector)),
            )
        identity = spiffe_id("unit")
        deadline = time.monotonic() + ENTRY_SECONDS
        told = ""
        while identity not in told and time.monotonic() < deadline:
            # One of this type has started when it has ended.
            self.machine.run(
                "systemd-run", f"--unit={ASKER}", "--property=Type=oneshot", "setpriv", *NOBODY, PYTHON, ASK,
            )
            told = self.machine.run("journalctl", "-u", ASKER, "-o", "cat", "--no-pager")
        self.report.expect("a process of the unit has the unit's identity", identity in told, told)
        self._expect_told("the same program outside of it has none: executables take a capability that the service has not", "nothing")
        self.host.install_drop_in(SERVICE, "executables")
        self.machine.run("systemctl", "restart", SERVICE)
        self._expect_told("with executables.conf it has those of its path and its digest", spiffe_id("digest"), spiffe_id("path"))
        self.host.forget_override(SERVICE, "executables")
        self.machine.run("systemctl", "restart", SERVICE)
        self._expect_told("and without it no more", "nothing")

    def journal(self) -> None:
        self.report.step("6. The journal")
        entries = [json.loads(line) for line in self.machine.run(
            "journalctl", "-u", SERVICE, "-o", "json", "--no-pager"
        ).splitlines()]
        native = [entry for entry in entries if "MESSAGE_ID" in entry and any(key.startswith("PODSHIELD_") for key in entry)]
        self.report.expect("journalctl -u podshield-idd has events with fields of their own", bool(native), f"{len(native)} of {len(entries)}")
        for entry in native[:5]:
            self.report.note(f"{entry['MESSAGE_ID']}  {entry['MESSAGE']}")
        heard = self.host.heard_in_clear()
        self.report.expect("a pod's packet to nobody known does not leave", heard == "", heard or None)
        self._says(
            "journalctl -u podshield-idd PODSHIELD_VERDICT=dropped shows it, -x explains it", "journalctl", "-u",
            "podshield-idd", "-x", "--no-pager", "PODSHIELD_VERDICT=dropped", wanted="Subject: A packet was dropped",
        )

    def support(self) -> None:
        self.report.step("6. What is asked for when something is wrong")
        found = json.loads(self.machine.run("psid", "doctor", "-o", "json"))["findings"]
        self.report.expect(
            "psid doctor asks the service, and finds only that nobody keeps the clock in here",
            [finding["code"] for finding in found] == [UNKEPT_CLOCK], [finding["message"] for finding in found],
        )
        self._says("psid sysdump gets all that it looks for", "sh", "-c", f"""
            psid sysdump --out {DUMP} && tar -tzf {DUMP} && ! tar -tzf {DUMP} | grep missing.txt""", wanted="journal.txt")
        files = files_of(self.machine.root / DUMP.lstrip("/"))
        journal = files["journal.txt"]
        self.report.expect("also the service's journal", b"starts as standalone" in journal, f"{len(journal)} bytes")
        self.report.expect("and that of the guard at the boot", BOOT_SERVICE.encode() in journal)
        canaries = Canaries(keys_below(self.machine.root / STATE.lstrip("/")))
        missed = canaries.missed()
        has_key = any("the key in ca.key" in name for name in canaries.secrets)
        self.report.expect("there are keys to look for", has_key and not missed, missed or list(canaries.secrets))
        found = {file: secrets for file, contents in files.items() if (secrets := canaries.found_in(contents))}
        self.report.expect("none of them is in the dump, nor in the whole journal", not found and not canaries.found_in(
            self.machine.run("journalctl", "-o", "export", "-u", SERVICE, "--no-pager").encode()), found or None)

    def reload_and_restart(self) -> None:
        self.report.step("7. Reload and restart")
        configuration = self.machine.root / "etc/podshield/config.yaml"
        configuration.write_text(configuration.read_text().replace("log-level: debug", "log-level: info"))
        self._says("reload", "systemctl", "reload", SERVICE)
        took = "the configuration was reloaded: log-level"
        reloaded = wait(lambda: any(took in line for line in self.host.journal()), RESTART_SECONDS)
        self.report.expect("the daemon says what it has taken over", reloaded, took)
        before = self.host.pins()
        serial = json.loads(self.machine.run("psid", "issue", "--pod", "web-0", "-o", "json"))["serial"]
        with self._traffic("restart-traffic.service"):
            self._says("restart", "systemctl", "restart", SERVICE)
        self.report.expect("the pins are the same", self.host.pins() == before and before != "", f"{len(before.split())} pins")
        after = json.loads(self.machine.run("psid", "issue", "--pod", "web-0", "-o", "json"))["serial"]
        self.report.expect("the pod and its SVID are still there", after == serial, f"serial {after}")

    def sockets(self) -> None:
        self.report.step("8. The sockets are systemd's")
        self.host.override(SERVICE, "slowness", "[Service]", f"ExecStartPre=/bin/sleep {GAP_SECONDS}")
        answers = self.machine.run("sh", "-c", f"""
            ask() {{
                before=$(date +%s%N); answer=$("$@" 2>&1); status=$?
                echo "$status $(( ($(date +%s%N) - before) / 1000000 )) $1 $answer" | head -n 1
            }}
            # Whom the old daemon has accepted it may leave without an answer: asked is from its end on.
            old=$(systemctl show --property MainPID --value {SERVICE})
            systemctl restart {SERVICE} & restart=$!
            while kill -0 $old 2>/dev/null; do sleep 0.01; done
            while kill -0 $restart 2>/dev/null; do
                ask psid pod list & ask setpriv {" ".join(NOBODY)} {PYTHON} {ASK} & sleep 0.1
            done
            wait""", timeout=60).splitlines()
        for program, who in (("psid", "psid"), ("setpriv", "a workload")):
            asked = [answer for answer in answers if answer.split()[2] == program]
            refused = [answer for answer in asked if not answer.startswith("0 ")]
            self.report.expect(
                f"{who} that asks while no daemon runs is answered by the next", asked and not refused,
                f"{len(asked)} asked, {len(refused)} not answered: {'; '.join(refused[:3])}",
            )
            longest = max(int(answer.split()[1]) for answer in asked)
            self.report.expect("after the gap between two daemons", longest > GAP_SECONDS * 500, f"{longest} ms")
        self.host.forget_override(SERVICE, "slowness")
        self.machine.run("systemctl", "stop", SERVICE, SOCKET)
        self.host.override(SOCKET, "elsewhere", "[Socket]", "ListenStream=", "ListenStream=/run/podshield/other.sock")
        running = self.machine.succeeds("systemctl", "is-active", AGENT_SOCKET)
        self.report.expect("who stops the admin socket stops the workloads' with it", not running)
        self.machine.run("systemctl", "start", SOCKET)
        refused = not self.machine.succeeds("systemctl", "start", SERVICE)
        self.report.expect("a socket that the configuration does not name is refused", refused)
        self._says("and named", "journalctl", "-u", SERVICE, "--no-pager", wanted=f"systemd passed {SOCKET}, which is not")
        self.machine.run("systemctl", "stop", SERVICE, SOCKET)
        self.host.forget_override(SOCKET, "elsewhere")
        self._says("without the socket's unit the daemon makes its own", "systemctl", "start", SERVICE)
        self._says("which answers", "psid", "issue", "--pod", "web-0", wanted=WEB_ID)
        self._says("workloads too", "setpriv", *NOBODY, PYTHON, ASK, wanted="nothing")
        self.machine.run("systemctl", "stop", SERVICE)
        self._says("with them again", "systemctl", "start", SOCKET, AGENT_SOCKET, SERVICE)

    def seal_key(self) -> None:
        self.report.step("9. The CA's key becomes a credential, and the node's state is sealed by another, as docs/configuration.md says")
        root = self.machine.run("cat", CA_CERTIFICATE)
        self.machine.run("systemctl", "stop", SERVICE)
        self._says("systemd seals it", "systemd-creds", "encrypt", "--name=ca-key", CA_KEY, SEALED_KEY)
        self._says(
            "and the key of the state", "sh", "-c",
            f"head -c 33 /dev/urandom | base64 | systemd-creds encrypt --name=state-key - {STATE_KEY}")
        credentials = [f"LoadCredentialEncrypted={name}:{file}" for name, file in (("ca-key", SEALED_KEY), ("state-key", STATE_KEY))]
        self.host.override(SERVICE, "credential", "[Service]", *credentials)
        configuration = self.machine.root / "etc/podshield/config.yaml"
        text = configuration.read_text().replace("node:\n", "node:\n  state-key-credential: state-key\n")
        configuration.write_text(text + "authority:\n  key-credential: ca-key\n")
        refused = not self.machine.succeeds("systemctl", "start", SERVICE)
        self.report.expect("a key that lies about in clear is refused", refused)
        self._says("psid doctor does not wait for ever, and says why it cannot start", "sh", "-c", "psid doctor || test $? = 2", wanted="ca.key")
        self.machine.run("systemctl", "stop", SERVICE)
        self.machine.run("shred", "--remove", CA_KEY)
        self._says("it starts with the sealed key alone", "systemctl", "start", SERVICE)
        self._says("and issues", "psid", "issue", "--pod", "web-0", "--renew", wanted=WEB_ID)
        self.report.expect(
            "by the same root; no key in a file", self.machine.run("cat", CA_CERTIFICATE) == root
            and not self.machine.succeeds("test", "-e", CA_KEY),
        )
        kept = self.machine.run("sh", "-c", f"cat {STATE}/node/workloads/*.pem")
        sealed, plain = kept.count("BEGIN ENCRYPTED PRIVATE KEY"), kept.count("BEGIN PRIVATE KEY")
        self.report.expect("what is renewed is sealed", sealed > 0, f"{sealed} sealed, {plain} from before")

    def crash_and_hang(self) -> None:
        self.report.step("10. The daemon dies, the daemon hangs; pods talk on")
        # From the next start on; the unit's own watchdog is patient.
        self.host.override(SERVICE, "impatience", "[Service]", "WatchdogSec=5s", "TimeoutAbortSec=1s")
        with self._traffic("crash-traffic.service"):
            for name, number in (("killed", signal.SIGKILL), ("stopped: the watchdog expires", signal.SIGSTOP)):
                with self._expect_replacement(name) as process:
                    self.machine.run("kill", f"-{number.value}", process)
                    self._says("who asks waits for the next daemon", "psid", "status", "--wait", wanted=": ready")
            with self._expect_replacement("one of its event loops hangs: the watchdog expires") as process:
                self.machine.run("systemd-run", "/usr/bin/python3", "-c", LOOP_STOPPER.read_text(), process)
        expired = [line for line in self.host.journal() if "atchdog timeout" in line]
        self.report.expect("the journal names the watchdog each time", len(expired) == 2, expired)
        self._says("the pod is still known", "psid", "issue", "--pod", "web-0", wanted=WEB_ID)

    def neighbour(self) -> None:
        self.report.step("11. Beside a second node: the daemon dies, and is stopped until the keys have expired")
        with (self.machine.root / "etc/podshield/config.yaml").open("a") as configuration:
            configuration.write(SHORT_EPOCHS)
        self.machine.run("systemctl", "restart", SERVICE)
        neighbour = Neighbour(self.run, self.machine)
        token = json.loads(self.machine.run("psid", "token", "generate", "--node", "node-b", "-o", "json"))
        self.machine.run(
            "psid", "entry", "create", "--spiffe-id", spiffe_id("ns/shop/sa/cache"), "--node", "node-b",
            "--label", "app=cache",
        )
        neighbour.start(token, SHORT_EPOCHS)
        self.report.expect("they agree on keys", neighbour.daemon.wait_for_peer("node-a") is not None)
        ends = {
            "killed": ("kill", f"-{signal.SIGKILL.value}"), "stopped until its watchdog expires": ("kill", f"-{signal.SIGSTOP.value}"),
            "restarted": ("sh", "-c", f"systemctl restart {SERVICE}"),
        }
        for name, command in ends.items():
            with neighbour.pings("10.42.1.10") as pings:
                process = self.host.process()
                self.machine.run(*command, process)
                replaced = self.host.is_replaced(process)
            self.report.expect(f"{name}, started by systemd: no ping from there is lost", replaced and pings.lost == 0, f"{pings.lost} lost")
        with neighbour.pings("10.42.1.10") as pings:
            self.machine.run("systemctl", "stop", SERVICE, SOCKET)
            stopped = time.time()
            wait(lambda: time.time() - pings.last > SILENCE_SECONDS, 2 * EPOCH_SECONDS + 2 * SILENCE_SECONDS)
            went_on = pings.last - stopped
            answered = self.machine.succeeds("ip", "netns", "exec", "web-0", "ping", "-n", "-c", "3", "-i", "0.2", "-W", "1", neighbour.pod.v4)
            drops = [line for line in neighbour.daemon.log.splitlines() if "unknown-destination" in line]
            self.report.expect(
                "stopped: pings go on until the keys' deadline, no longer",
                EPOCH_SECONDS / 2 < went_on < 2 * EPOCH_SECONDS + 1, f"{went_on:.1f} s",
            )
            self.report.expect("node-b, which let go of this node's pods, says so", drops, drops[:1])
            self.machine.run("systemctl", "start", SOCKET, SERVICE)
            started = time.time()
            resumed = wait(lambda: pings.last > started, RESTART_SECONDS)
            self.report.expect("started: they go on", resumed, f"after {time.time() - started:.1f} s")
        self.report.expect("meanwhile nothing came out of this node's pods", not answered)
        self._says("dropped by its kernel alone, for expired keys", "psid", "datapath", "show", wanted="sa-expired")

    def stop(self) -> None:
        self.report.step("12. Stop")
        self._says("it stops", "systemctl", "stop", SERVICE, SOCKET)
        result = self.machine.unit_property(SERVICE, "Result")
        self.report.expect("in order", result == "success", result)
        self.report.expect("what protects the pods stays", self.host.pins() != "", f"{len(self.host.pins().split())} pins")
        self._says("nobody answers psid", "sh", "-c", f"psid status 2>&1; test $? = {NOT_REACHABLE}", wanted="does podshield-idd run?")

    def tpm(self) -> None:
        self.report.step("13. A TPM that is the group tss's")
        configuration = self.machine.root / "etc/podshield/config.yaml"
        before = configuration.read_text()
        configuration.write_text(joining_by_tpm_configuration(TPM))
        self.machine.run("rm", "-r", f"{STATE}/node")
        # The kernels here make no TPM: a file stands in its place, of which can be seen whether it was opened.
        self.machine.run("sh", "-c", f"touch {TPM} && chown tss:tss {TPM} && chmod 660 {TPM}")
        self._expect_tpm("without a drop-in it is not opened", False, "install the drop-in tpm.conf")
        lines = (self.machine.root / DROP_INS.lstrip("/") / "tpm.conf").read_text().splitlines()
        self.host.override(SERVICE, "tpm", *(line for line in lines if "SupplementaryGroups" not in line))
        self._expect_tpm("nor without the group", False, "SupplementaryGroups=tss")
        self.host.install_drop_in(SERVICE, "tpm")
        self._expect_tpm("with tpm.conf it is", True, "")
        self.host.forget_override(SERVICE, "tpm")
        configuration.write_text(before)

    def _expect_tpm(self, expected: str, opened: bool, words: str) -> None:
        """The daemon does not start: what stands there is no TPM. What psid doctor says beforehand has to fit."""
        found = self.machine.run("sh", "-c", "psid doctor --pre || true")
        said = [line for line in found.splitlines() if "the TPM cannot be used" in line]
        fits = any(words in line for line in said) if words else not said
        self.report.expect(f"psid doctor {'says ' + words if words else 'has nothing against it'}", fits, said or found)
        started = self.machine.succeeds("systemctl", "start", SERVICE, timeout=60)
        self.machine.run("systemctl", "stop", SERVICE, SOCKET)
        was_opened = self.machine.succeeds("test", "-s", TPM)
        told = [line for line in self.host.journal() if "the TPM: opening" in line]
        self.report.expect(expected, not started and was_opened == opened and bool(told), told[-1:] or None)

    def uninstall(self) -> None:
        self.report.step("14. Uninstall")
        self._says("the datapath goes", "psid", "datapath", "uninstall")
        self.report.expect("no pin is left", self.host.pins() == "", self.host.pins() or None)

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

    def _expect_told(self, expected: str, *answer: str) -> None:
        """By the Workload API, a program of nobody's that no unit has started."""
        def told() -> list[str]:
            return sorted(self.machine.run("setpriv", *NOBODY, PYTHON, ASK).split())

        holds = wait(lambda: told() == sorted(answer), ENTRY_SECONDS)
        self.report.expect(expected, holds, " ".join(told()))

    def _make(self, target: str, destination: Path) -> None:
        commands.run(
            "make", "--no-print-directory", "-C", str(ROOT), target, "CONFIGURATION=debug", f"DESTDIR={destination}",
            f"BINARIES={self.programs}", timeout=INSTALL_SECONDS,
        )

    def _expect_nothing_left_of_a_package(self) -> None:
        for target in ("install", "uninstall"):
            self._make(target, self.package)
        left = [str(path.relative_to(self.package)) for path in self.package.rglob("*") if not path.is_dir()]
        self.report.expect(
            "make uninstall leaves the configuration and nothing else", left == ["etc/podshield/config.yaml"], ", ".join(left)
        )

    def _each_at_once(self, names: list[str], words: str) -> list[str]:
        """Runs `psid pod` for all of them together; returns what went wrong."""
        lines = [f"{{ psid pod {words.replace('{}', name)} 2>&1 >/dev/null || echo failed: {name}; }} &" for name in names]
        return self.machine.run("sh", "-c", "\n".join((*lines, "wait")), timeout=120).splitlines()

    @contextlib.contextmanager
    def _traffic(self, unit: str) -> Iterator[None]:
        """From pod to pod, none of which may be lost."""
        # Proxied ARP may take most of a second.
        self._says("the pods hear each other", "ip", "netns", "exec", "web-0", "ping", "-n", "-c", "1", "-W", "2", "10.42.1.11")
        self.machine.run(
            "systemd-run", f"--unit={unit}", "--property=KillSignal=SIGINT", "ip", "netns", "exec", "web-0",
            "ping", "-n", "-i", "0.1", "10.42.1.11",
        )
        yield
        self.machine.run("systemctl", "stop", unit)
        self._says(
            "no packet between pods was lost", "journalctl", "-u", unit, "-o", "cat", "--no-pager", wanted=" 0% packet loss"
        )

    @contextlib.contextmanager
    def _expect_replacement(self, name: str) -> Iterator[str]:
        """Of the process that it gives."""
        pins, process = self.host.pins(), self.host.process()
        yield process
        self.report.expect(f"{name}: systemd starts another, which gets ready", self.host.is_replaced(process), self.host.status_text())
        self.report.expect("what protects the pods is the same", self.host.pins() == pins and pins != "")

    def _expect_no_toolchain(self) -> None:
        libraries = self.machine.run("ldd", "/usr/sbin/podshield-idd", "/usr/bin/psid", "/usr/lib/podshield/podshield-netns")
        missing = re.findall(r".*(?:swift|Foundation|not found).*", libraries)
        has_swift = self.machine.succeeds("swift", "--version")
        self.report.expect(
            "the programs need no Swift toolchain, and there is none", not missing and not has_swift, " ".join(missing) or None
        )

    def _expect_capabilities(self) -> None:
        process = self.machine.unit_property(SERVICE, "MainPID")
        held = int(self.machine.run("sed", "-n", r"s/^CapEff:\s*//p", f"/proc/{process}/status"), 16)
        allowed = sum(1 << number for number in CAPABILITIES.values())
        self.report.expect(f"no capability beyond {', '.join(CAPABILITIES)}", held & ~allowed == 0, f"{held:#x}")

    def _guard_again(self) -> None:
        """As for a runtime that is started after the daemon, where the guard has failed at the boot or was stopped."""
        pins = self.host.pins()
        self.machine.run("systemctl", "stop", BOOT_SERVICE)
        self._says("beside the running daemon a container runtime that requires the guard starts", "systemctl", "start", RUNTIME)
        self._says("for the guard finds what it is to make sure of", "systemctl", "is-active", BOOT_SERVICE)
        self.report.expect("and touches nothing", self.host.pins() == pins)
        self._says("workloads still reach their socket", "stat", "-c", "%a", "/run/podshield", wanted="711")

    def _expect_no_complaint_of_threads(self) -> None:
        limits = self.machine.run("cat", f"/proc/{self.host.process()}/limits")
        if int(re.search(r"Max nice priority +(\d+)", limits)[1]) == 0:
            return self.report.note("this machine may not raise limits (CAP_SYS_RESOURCE): the runtime complains of its threads' priority")
        complaints = self.machine.run("sh", "-c", f"journalctl -u {SERVICE} --no-pager | grep 'thread priority' || true")
        self.report.expect("the Swift runtime may raise its threads", complaints == "", complaints or None)
