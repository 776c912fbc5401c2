"""A kernel that is not ours: Debian's user-mode Linux on the wire, with its own ESP implementation.

It runs on a throw-away overlay of this machine's files, is spoken to over its console, and has one interface, `vec0`,
whose other end is a TAP device on the wire.
"""

import os
import re
import selectors
import shutil
import subprocess
import time
from pathlib import Path
from typing import Optional

from . import commands
from .lifetime import Run
from .wire import Wire

PROGRAM = "/usr/bin/linux.uml"
MODULES = "/usr/lib/uml/modules"
WIDE_STATE = Path(__file__).with_name("wide_state.c")
MEMORY = "256M"
BOOT_SECONDS = 60
MARK = "podshield-end-of-answer"
ANSWER = re.compile(rf"^{MARK} (\d+)\r?$", re.MULTILINE)

INIT = f"""#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /tmp
mount --bind {MODULES} /lib/modules
stty -echo -onlcr < /dev/console
echo "{MARK} 0"
while read -r line; do
    ( eval "$line" ) < /dev/null 2>&1
    echo "{MARK} $?"
done < /dev/console
"""


class StockKernel:
    """Booted by `boot`; then `run` has its shell do things, and the end of the run switches it off."""

    interface = "vec0"

    def __init__(self, run: Run, wire: Wire, name: str = "stock") -> None:
        self._run = run
        self._wire = wire
        self._base = run.directory / name
        self._tap = f"to-{name}"
        self._name = f"{run.prefix}{name}"
        self._uml: Optional[subprocess.Popen] = None
        self._mount_overlay()

    def boot(self) -> None:
        self._wire.namespace.ip("tuntap", "add", self._tap, "mode", "tap")
        self._wire.namespace.ip("link", "set", self._tap, "up")
        self._wire.plug(self._tap)
        (self._base / "root/usr/lib/modules").mkdir(exist_ok=True)
        init = self._base / "root/podshield-init"
        init.write_text(INIT)
        init.chmod(0o755)
        self._uml = self._start()
        self._run.at_end(self._switch_off)
        self._answer(BOOT_SECONDS)

    def run(self, command: str, timeout: float = 30) -> str:
        """What one line of shell prints inside. Raises `CommandFailed` when its status is not 0."""
        os.write(self._input, f"{command}\n".encode())
        status, output = self._answer(timeout)
        if status != 0:
            raise commands.CommandFailed((self._name, command), status, output)
        return output

    def write(self, name: str, text: str) -> None:
        """A file in its root directory."""
        (self._base / "root" / name).write_text(text)

    def copy(self, file: Path) -> None:
        """The same file in its root directory, under its own name."""
        shutil.copy(file, self._base / "root")

    def _mount_overlay(self) -> None:
        self._base.mkdir()
        commands.run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(self._base))
        self._run.at_end(commands.run, "umount", "--lazy", str(self._base))
        for name in ("upper", "work", "root", "tmp"):
            (self._base / name).mkdir()
        layers = f"lowerdir=/,upperdir={self._base / 'upper'},workdir={self._base / 'work'}"
        commands.run("mount", "-t", "overlay", "-o", layers, "overlay", str(self._base / "root"))
        self._run.at_end(commands.run, "umount", "--lazy", str(self._base / "root"))

    def _start(self) -> subprocess.Popen:
        wide_state = self._base / "wide_state.so"
        commands.run("clang", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(wide_state), str(WIDE_STATE))
        inside, self._input = os.pipe()
        self._output, outside = os.pipe()
        process = subprocess.Popen(
            [
                "nsenter", f"--net={self._wire.namespace.path}", "--", PROGRAM, f"mem={MEMORY}", f"umid={self._name}",
                f"uml_dir={self._base / 'tmp'}", "root=/dev/root", "rootfstype=hostfs",
                f"rootflags={self._base / 'root'}", "rw", "init=/podshield-init", "quiet", "loglevel=1",
                "con=null", "con0=fd:0,fd:1", "ssl=null",
                f"vec0:transport=tap,ifname={self._tap},depth=128,gro=0",
            ],
            stdin=inside, stdout=outside, stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, "TMPDIR": str(self._base / "tmp"), "LD_PRELOAD": str(wide_state)},
            preexec_fn=commands.die_with_parent,
        )
        os.close(inside)
        os.close(outside)
        return process

    def _answer(self, timeout: float) -> tuple[int, str]:
        deadline = time.monotonic() + timeout
        text = ""
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            while not (end := ANSWER.search(text)):
                if not selector.select(max(0, deadline - time.monotonic())):
                    raise TimeoutError(f"{self._name} does not answer: {text[-2000:]}")
                read = os.read(self._output, 1 << 16).decode(errors="replace")
                if not read:
                    raise RuntimeError(f"{self._name} ended: {text[-2000:]}")
                text += read
        return int(end[1]), text[: end.start()].replace("\r\n", "\n")

    def _switch_off(self) -> None:
        # By its own hand it takes its helper processes along.
        os.write(self._input, b"echo o > /proc/sysrq-trigger\n")
        try:
            self._uml.wait(5)
        except subprocess.TimeoutExpired:
            commands.kill_session(self._uml)
        os.close(self._input)
        os.close(self._output)
