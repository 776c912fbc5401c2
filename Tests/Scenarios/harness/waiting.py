"""Waiting for something to come true, and no longer than it may take."""

import time
from typing import Callable, TypeVar

PAUSE_SECONDS = 0.1

T = TypeVar("T")


def wait(holds: Callable[[], T], timeout: float = 15) -> T:
    """The first answer that counts as true, or what was answered when the time was up."""
    deadline = time.monotonic() + timeout
    while not (answer := holds()) and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
    return answer
