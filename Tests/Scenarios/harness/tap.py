"""Recordings of what passes an interface."""

import socket
import threading
import time
from typing import Callable, Optional

FRAME_MAX = 1 << 16


class Tap:
    """A recording of frames. Use it as a context manager: it stops at the end, the frames stay readable."""

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw
        self._frames: list[bytes] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._record, daemon=True)

    def __enter__(self) -> "Tap":
        self._raw.settimeout(0.05)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._raw.close()

    @property
    def frames(self) -> list[bytes]:
        return list(self._frames)

    def holds(self, text: bytes) -> bool:
        """Whether any frame carries these bytes in the clear."""
        return any(text in frame for frame in self._frames)

    def wait_for(self, wanted: Callable[[bytes], bool], timeout: float = 3) -> Optional[bytes]:
        """The first frame that is wanted, waiting for it; nothing after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        seen = 0
        while True:
            frames = self._frames
            for frame in frames[seen:]:
                seen += 1
                if wanted(frame):
                    return frame
            if time.monotonic() > deadline:
                return None
            time.sleep(0.01)

    def _record(self) -> None:
        # One more look after the stop: what had passed before it still belongs to the recording.
        while True:
            stopping = self._stopping.is_set()
            if stopping:
                self._raw.settimeout(0)
            try:
                self._frames.append(self._raw.recv(FRAME_MAX))
            except (TimeoutError, BlockingIOError):
                if stopping:
                    return
