"""One run of a scenario: what it is named by, and that nothing of it stays behind."""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import stat
from pathlib import Path
from typing import Callable, Iterator, Optional

from . import commands

PARENT = Path("/tmp")
# The alarm is the scenario's own time limit.
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGALRM)
NAMESPACES = Path("/run/netns")
DIRECTORY_NAME = re.compile(r"^podshield-scenario\.(\d+)$")


class Interrupted(Exception):
    """A signal asked the run to end."""


class Run:
    """A directory and a prefix of names that belong to this process alone, and the clean-up of all that is made.

    The directory is held by a lock, which ends with the process: what a killed run left is told by its free lock, and
    the next run removes it.
    """

    def __init__(self) -> None:
        self.prefix = f"ps{os.getpid()}-"
        self.directory = PARENT / f"podshield-scenario.{os.getpid()}"
        self._cleanup = contextlib.ExitStack()
        self._lock: Optional[int] = None

    def __enter__(self) -> "Run":
        for number in ENDING_SIGNALS:
            signal.signal(number, _interrupt)
        # One run at a time sweeps and takes its lock: a directory just made is not yet told from one left behind.
        with _gate():
            sweep()
            self.directory.mkdir(mode=0o700)
            self._lock = _hold(self.directory)
        self._cleanup.callback(shutil.rmtree, self.directory)
        return self

    def __exit__(self, *_: object) -> None:
        # A second ^C must not cut the clean-up short.
        for number in ENDING_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        self._cleanup.close()
        os.close(self._lock)

    def logs(self) -> list[Path]:
        """What programs of this run wrote, oldest first. No deeper: an overlay's root has all this machine's files."""
        logs = [*self.directory.glob("*.log"), *self.directory.glob("*/*.log")]
        return sorted(logs, key=lambda log: log.stat().st_mtime)

    def at_end(self, action: Callable[..., object], *arguments: object) -> None:
        """Registers a clean-up; the last registered runs first, and a failing one does not stop the others."""
        self._cleanup.callback(_report_failure, action, *arguments)


@contextlib.contextmanager
def _gate() -> Iterator[None]:
    """The lock on the parent itself leaves no file."""
    gate = os.open(PARENT, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield
    finally:
        os.close(gate)


def sweep() -> None:
    """Removes what runs left that ended without their clean-up."""
    for directory in PARENT.iterdir():
        match = DIRECTORY_NAME.match(directory.name)
        if not match or not _is_ours(directory):
            continue
        lock = _hold(directory)
        if lock is not None:
            _remove(directory, f"ps{match[1]}-")
            os.close(lock)


def _is_ours(directory: Path) -> bool:
    """Everybody may put something of that name there, and we are root."""
    status = directory.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022


def _remove(directory: Path, prefix: str) -> None:
    for namespace in NAMESPACES.glob(f"{prefix}*"):
        commands.run("ip", "netns", "delete", namespace.name)
    # Deepest first: a mount may lie in another.
    for mount in sorted(_mounts_under(directory), reverse=True):
        commands.run("umount", "--lazy", mount)
    shutil.rmtree(directory)


def _mounts_under(directory: Path) -> list[str]:
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [mount for mount in mounts if mount.startswith(f"{directory}/")]


def _hold(directory: Path) -> Optional[int]:
    """The lock of a run's directory, or nothing while the run lives."""
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _interrupt(number: int, _: object) -> None:
    raise Interrupted(signal.Signals(number).name)


def _report_failure(action: Callable[..., object], *arguments: object) -> None:
    try:
        action(*arguments)
    except Exception as error:  # The rest of the clean-up matters more than this failure.
        print(f"clean-up: {error}", flush=True)
