"""A machine with a real systemd as its first process: a container on a throw-away copy of this one's files."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import IO

from . import commands
from .lifetime import Run
from .namespaces import Namespace

# These would act on the host's devices and settings, of which the container has its own view only in part.
MASKED_UNITS = (
    "systemd-udevd.service", "systemd-udev-trigger.service", "systemd-udevd-control.socket",
    "systemd-udevd-kernel.socket", "systemd-sysctl.service", "systemd-modules-load.service",
)
# PID 1 mounts none in a container, whose /sys has no place for one either, and takes no mount unit for it.
BPFFS_UNIT = """[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/mkdir -p /sys/fs/bpf
ExecStart=/bin/mount -t bpf bpf /sys/fs/bpf
"""
NSPAWN_ENVIRONMENT = {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "1"}
POWER_OFF = signal.SIGRTMIN + 4
BOOT_SECONDS = 30


def swift_runtime() -> Path:
    """The toolchain's shared libraries, which no machine has that Podshield is installed on."""
    return Path(shutil.which("swift")).resolve().parents[1] / "lib/swift"


class Machine:
    """Files are written below `root` before `boot`; afterwards programs run inside by `run`."""

    def __init__(self, run: Run, name: str) -> None:
        self._run = run
        self._base = run.directory / name
        self.root: Path = self._base / "root"
        self.name = f"{run.prefix}{name}"
        self._mount_overlay()
        self._prepare()

    def boot(self, target: str = "basic.target") -> None:
        """Starts systemd and waits until all is done that it starts by itself, well or not."""
        log = (self._base / "console.log").open("ab")
        self._nspawn = self._start(log, target)
        self._run.at_end(self.power_off)
        deadline = time.monotonic() + BOOT_SECONDS
        while not self._is_running():
            if self._nspawn.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not boot: {Path(log.name).read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)

    def power_off(self) -> None:
        """As an administrator does; it can be booted again. Its files stay, what was in its kernel's memory does not."""
        if self._nspawn.poll() is None:
            os.kill(self._leader(), POWER_OFF)
        try:
            self._nspawn.wait(15)
        except subprocess.TimeoutExpired:
            commands.stop(self._nspawn)

    def run(self, *command: str, timeout: float = 30) -> str:
        """Runs a program inside, in all of the machine's namespaces."""
        return commands.run("nsenter", "-t", str(self._leader()), "-a", "--", *command, timeout=timeout)

    def succeeds(self, *command: str, timeout: float = 30) -> bool:
        return commands.succeeds("nsenter", "-t", str(self._leader()), "-a", "--", *command, timeout=timeout)

    def connect(self, interface: str, namespace: Namespace, other: str) -> None:
        """Lays a cable from the machine's `interface` to the `other` in a namespace of the host; both are up."""
        enter = ("nsenter", "-t", str(self._leader()), "--net", "--", "ip", "link")
        commands.run(*enter, "add", interface, "type", "veth", "peer", "name", other, "netns", namespace.full_name)
        commands.run(*enter, "set", interface, "up")
        namespace.ip("link", "set", other, "up")

    def unit_property(self, unit: str, name: str) -> str:
        return self.run("systemctl", "show", "--property", name, "--value", unit).strip()

    def _mount_overlay(self) -> None:
        self._base.mkdir()
        self._mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(self._base))
        for name in ("upper", "work", "root"):
            (self._base / name).mkdir()
        layers = f"lowerdir=/,upperdir={self._base / 'upper'},workdir={self._base / 'work'}"
        self._mount("-t", "overlay", "-o", layers, "overlay", str(self.root))

    def _mount(self, *arguments: str) -> None:
        commands.run("mount", *arguments)
        self._run.at_end(commands.run, "umount", "--lazy", arguments[-1])

    def _prepare(self) -> None:
        (self.root / "etc/machine-id").write_text("")
        units = self.root / "etc/systemd/system"
        for unit in MASKED_UNITS:
            link = units / unit
            link.unlink(missing_ok=True)
            link.symlink_to("/dev/null")
        # What else this machine starts at its boot is no business of the other's.
        shutil.rmtree(units / "multi-user.target.wants", ignore_errors=True)
        # One journal of all boots.
        (self.root / "var/log/journal").mkdir(exist_ok=True)
        (units / "bpffs.service").write_text(BPFFS_UNIT)
        (units / "sysinit.target.wants/bpffs.service").symlink_to("../bpffs.service")

    def _start(self, log: IO[bytes], target: str) -> subprocess.Popen:
        return commands.spawn(
            "systemd-nspawn", "--boot", "--quiet", f"--directory={self.root}", f"--machine={self.name}",
            "--register=no", "--keep-unit", "--console=read-only", "--private-network", "--capability=all",
            "--system-call-filter=@known", "--link-journal=no", "--resolv-conf=off", "--timezone=off",
            f"--tmpfs={swift_runtime()}", "--bind=/sys/kernel/btf", "--bind=/dev/net/tun",
            f"systemd.unit={target}", log=log, environment={**os.environ, **NSPAWN_ENVIRONMENT},
        )

    def _leader(self) -> int:
        """The process that is 1 inside: the only child of nspawn."""
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        if not children:
            raise RuntimeError(f"{self.name} has no first process")
        return int(children[0])

    def _is_running(self) -> bool:
        try:
            state = self.run("systemctl", "is-system-running", timeout=5)
        except (commands.CommandFailed, RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            state = getattr(error, "output", "") or ""
        return state.strip() in ("running", "degraded")
