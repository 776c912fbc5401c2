"""A scenario's account of itself: what was expected beside what was seen, and a verdict."""

import os
import sys
import time
from typing import Optional

GREEN, RED, BOLD, PLAIN = "\033[32m", "\033[31m", "\033[1m", "\033[0m"
WIDTH = 118


class Report:
    """Prints as it goes; a failed expectation does not stop the scenario, an exception does."""

    def __init__(self, title: str) -> None:
        self.passed = 0
        self.failed = 0
        self._started = time.monotonic()
        self._colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._say(self._paint(BOLD, title))

    def step(self, title: str) -> None:
        self._say(f"\n{self._paint(BOLD, title)}")

    def note(self, text: str) -> None:
        """Something to read that is no expectation."""
        for line in text.splitlines():
            self._say(f"     {printable(line)[:WIDTH]}")

    def expect(self, expected: str, holds: bool, seen: Optional[object] = None) -> bool:
        """One expectation and what was seen instead, or of it."""
        if holds:
            self.passed += 1
        else:
            self.failed += 1
        verdict = self._paint(GREEN, "ok  ") if holds else self._paint(RED, "FAIL")
        self._say(f"{verdict} expected: {printable(expected)}")
        if seen is not None:
            self._say(f"         seen: {printable(str(seen))}")
        return holds

    def close(self) -> int:
        """The verdict; the exit status."""
        held = self.failed == 0 and self.passed > 0
        verdict = self._paint(GREEN, "everything held") if held else self._paint(RED, "NOT everything held")
        self._say(f"\n{verdict}, {time.monotonic() - self._started:.1f} s")
        self._say(f"{self.passed} passed, {self.failed} failed")
        return 0 if held else 1

    def _paint(self, colour: str, text: str) -> str:
        return f"{colour}{text}{PLAIN}" if self._colours else text

    def _say(self, line: str) -> None:
        print(line, flush=True)


def printable(text: str) -> str:
    """Text from outside, its control characters escaped: it must not steer the terminal."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
