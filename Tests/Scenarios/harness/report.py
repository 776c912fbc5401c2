"""A scenario's account of itself: what was expected beside what was seen, and a verdict."""

import os
import sys
import time
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import Optional

GREEN, RED, BOLD, PLAIN = "\033[32m", "\033[31m", "\033[1m", "\033[0m"
WIDTH = 118


class Report:
    """Prints as it goes; a failed expectation does not stop the scenario, an exception does."""

    def __init__(self, title: str) -> None:
        self._verdicts: list[tuple[str, bool]] = []
        self._started = time.monotonic()
        self._colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._say(self._paint(BOLD, title))

    @property
    def passed(self) -> int:
        return sum(holds for _, holds in self._verdicts)

    @property
    def failed(self) -> int:
        return len(self._verdicts) - self.passed

    def step(self, title: str) -> None:
        self._say(f"\n{self._paint(BOLD, title)}")

    def note(self, text: str) -> None:
        """Something to read that is no expectation."""
        for line in text.splitlines():
            self._say(f"     {printable(line)[:WIDTH]}")

    def expect(self, expected: str, holds: bool, seen: Optional[object] = None) -> bool:
        """One expectation and what was seen instead, or of it."""
        self._verdicts.append((expected, bool(holds)))
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

    def write(self, path: Path, suite: str) -> None:
        """The verdicts in JUnit's format, as programs read them."""
        cases = xml.Element("testsuite", name=suite, tests=str(len(self._verdicts)), failures=str(self.failed))
        for expected, holds in self._verdicts:
            case = xml.SubElement(cases, "testcase", classname=suite, name=printable(expected))
            if not holds:
                xml.SubElement(case, "failure")
        path.parent.mkdir(parents=True, exist_ok=True)
        xml.ElementTree(cases).write(path, encoding="utf-8", xml_declaration=True)

    def _paint(self, colour: str, text: str) -> str:
        return f"{colour}{text}{PLAIN}" if self._colours else text

    def _say(self, line: str) -> None:
        print(line, flush=True)


def printable(text: str) -> str:
    """Text from outside, its control characters escaped: it must not steer the terminal."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
