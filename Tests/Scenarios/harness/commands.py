"""Running programs, with the reason in the error when one fails."""

import ctypes
import os
import shlex
import signal
import subprocess
from pathlib import Path
from typing import IO, Optional

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class CommandFailed(Exception):
    """A program ended with another status than 0. The message has the command and what it printed."""

    def __init__(self, command: tuple[str, ...], status: int, output: str):
        super().__init__(f"{shlex.join(command)}: status {status}: {output.strip()}")
        self.status = status
        self.output = output


def run(*command: str, stdin: Optional[str] = None, timeout: float = 30, messages: Optional[Path] = None) -> str:
    """Runs a program to its end; its standard output. Raises `CommandFailed` with what it said. What comes on standard error is
    added to that file, if one is named."""
    finished = subprocess.run(
        command, input=stdin, stdin=subprocess.DEVNULL if stdin is None else None, capture_output=True, text=True,
        errors="replace", timeout=timeout,
    )
    if messages is not None:
        with messages.open("a") as file:
            file.write(finished.stderr)
    if finished.returncode != 0:
        raise CommandFailed(command, finished.returncode, finished.stdout + finished.stderr)
    return finished.stdout


def succeeds(*command: str, timeout: float = 30) -> bool:
    """Whether the program ends with status 0."""
    try:
        run(*command, timeout=timeout)
    except CommandFailed:
        return False
    return True


def spawn(*command: str, log: IO[bytes], environment: Optional[dict[str, str]] = None) -> subprocess.Popen:
    """Starts a program that writes to `log` and dies with this process, however this process ends."""
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment,
        start_new_session=True, preexec_fn=die_with_parent,
    )


def stop(process: subprocess.Popen, patience: float = 5, how: int = signal.SIGTERM) -> int:
    """Ends a program of ours: asks, waits, then kills. Its exit status."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def kill_session(process: subprocess.Popen) -> None:
    """Kills a program of ours with all the processes it made in its session, at once."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def die_with_parent() -> None:
    """To be run in a child before it becomes its program: the kernel kills it when the thread ends that has made it."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def end_with_parent() -> None:
    """Likewise, but asks it to end."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
