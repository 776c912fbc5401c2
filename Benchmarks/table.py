"""The record as tables in Markdown, and where they go in docs/performance.md."""

from pathlib import Path as File
from typing import Any, Iterable, Optional

import figures
import goals
import paths
from record import Record

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
NOTHING = "–"


def render(record: Record, about: dict[str, Any], failures: list[str]) -> str:
    parts = (
        heading(about, failures),
        "### Between two pods", between_pods(record),
        "### Podshield's part of each", ratios(record),
        "### The cipher", cipher(record),
        "### The programs", programs(record),
        "### Keys and identities", rates(record),
        "### Many workloads", workloads(record),
        "### Taking away", withdrawals(record),
        "### Goals", reached(record),
    )
    return "\n\n".join(parts)


def heading(about: dict[str, Any], failures: list[str]) -> str:
    failed = f" Failed: {', '.join(failures)}." if failures else ""
    peers = ", ".join(f"{name} {version}" for name, version in about["peers"].items())
    return (
        f"{about['date']}, commit {about['commit']}, Linux {about['kernel']}, {about['cpus']} × {about['cpu']}; "
        f"medians of {about['rounds']} rounds of {about['seconds']} s; load before the run {about['load']}; "
        f"{peers}.{failed}"
    )


def between_pods(record: Record) -> str:
    rows = (
        (figure.title, *(number(record.median(path.name, figure.key), figure.digits) for path in paths.ALL))
        for figure in figures.BETWEEN_PODS
    )
    return table(("", *(path.title for path in paths.ALL)), rows)


def ratios(record: Record) -> str:
    peers = [path for path in paths.ALL if path is not paths.Podshield]
    rows = (
        (figure.title, *(number(record.ratio(figure.key, paths.Podshield.name, peer.name), 2) for peer in peers))
        for figure in figures.BETWEEN_PODS
    )
    return table(("Podshield ÷", *(peer.title for peer in peers)), rows)


def cipher(record: Record) -> str:
    def row(figure: str) -> tuple[str, ...]:
        operation, length, _ = figure.split("_")
        kernel, native = (timed(record, way, figure, int(length)) for way in ("bytecode", "native"))
        return f"{operation} {length} bytes", *kernel, *native, number(record.ratio(figure, "bytecode", "native"), 2)

    columns = ("", "bytecode, ns", "ns a byte", "native, ns", "ns a byte", "ratio")
    return table(columns, map(row, record.figures("bytecode")))


def programs(record: Record) -> str:
    def row(figure: str) -> tuple[str, ...]:
        program, length, _ = figure.rsplit("_", 2)
        return f"{program}, {length} bytes", *timed(record, "programs", figure, int(length))

    return table(("", "ns", "ns a byte"), map(row, record.figures("programs")))


def timed(record: Record, subject: str, figure: str, length: int) -> tuple[str, str]:
    """Nanoseconds of a packet, and of each of its bytes."""
    whole = record.median(subject, figure)
    return number(whole, 0), number(None if whole is None else whole / length, 2)


def rates(record: Record) -> str:
    ways = {
        "podshield": "Podshield",
        "openssl-signature": "OpenSSL alone, signature and encoding",
        "openssl-issuance": "OpenSSL alone, request to certificate",
    }
    rows = (
        (figure.title, *(number(record.median(way, figure.key), figure.digits) for way in ways))
        for figure in figures.RATES
    )
    return table(("on one CPU", *ways.values()), rows)


def withdrawals(record: Record) -> str:
    return medians_and_longest(record, "ms until the kernel of a third machine, node-a, has it so", figures.WITHDRAWALS)


def workloads(record: Record) -> str:
    return medians_and_longest(record, "at the Workload API of one node", figures.WORKLOADS)


def medians_and_longest(record: Record, title: str, rows: Iterable[figures.Figure]) -> str:
    return table((title, "median", "longest"), (
        (
            figure.title,
            number(record.median("podshield", figure.key), figure.digits),
            number(record.worst("podshield", figure.key), figure.digits),
        )
        for figure in rows
    ))


def reached(record: Record) -> str:
    def row(goal: goals.Goal) -> tuple[str, ...]:
        measured = goal.measured(record)
        if measured is None:
            return goal.title, goal.wanted, NOTHING, NOTHING
        return goal.title, goal.wanted, goal.text(measured), "met" if goal.is_met(measured) else "missed"

    return table(("ratio of medians, or longest", "wanted", "measured", ""), map(row, goals.ALL))


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = tuple(columns)
    rule = ("---", *("--:" for _ in columns[1:]))
    return "\n".join("| " + " | ".join(row) + " |" for row in (columns, rule, *rows))


def number(value: Optional[float], digits: int) -> str:
    return NOTHING if value is None else f"{value:.{digits}f}"


def insert(document: File, tables: str) -> None:
    """Replaces what stands between the marks."""
    before, _, rest = document.read_text().partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise RuntimeError(f"{document} has no {BEGIN} and {END}")
    document.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}")
