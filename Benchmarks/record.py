"""The values of a run, and what may be said of them."""

import statistics
from typing import Iterable, Optional


class Record:
    """Every value that was measured, by subject (a path, or a way to run the cipher) and figure."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, list[float]]] = {}

    def add(self, subject: str, figures: dict[str, float]) -> None:
        for figure, value in figures.items():
            self._values.setdefault(subject, {}).setdefault(figure, []).append(value)

    def median(self, subject: str, figure: str) -> Optional[float]:
        values = self._values.get(subject, {}).get(figure)
        return statistics.median(values) if values else None

    def worst(self, subject: str, figure: str) -> Optional[float]:
        """The largest value."""
        return max(self._values.get(subject, {}).get(figure, []), default=None)

    def ratio(self, figure: str, subject: str, reference: str) -> Optional[float]:
        """How many times the reference's median the subject's is."""
        of, to = self.median(subject, figure), self.median(reference, figure)
        return of / to if of is not None and to else None

    def figures(self, subject: str) -> Iterable[str]:
        return self._values.get(subject, {}).keys()

    def as_data(self) -> dict[str, dict[str, dict[str, object]]]:
        return {
            subject: {
                figure: {"median": statistics.median(values), "values": values} for figure, values in figures.items()
            }
            for subject, figures in self._values.items()
        }
