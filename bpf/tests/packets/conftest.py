# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""What the cases share: one machine and one loaded datapath, and a verdict in the last line."""

import sys
from pathlib import Path
from typing import Iterator

import pytest

HERE = Path(__file__).resolve().parent
# The scenarios' namespaces and topology serve here too.
sys.path[:0] = [str(HERE), str(HERE.parents[2] / "Tests/Scenarios")]
pytest.register_assert_rewrite("bench.expect", "bench.arrivals")

from bench.datapath import Datapath  # noqa: E402
from bench.machine import Machine  # noqa: E402
from bench.node import Node  # noqa: E402


@pytest.fixture(scope="session")
def devices() -> Machine:
    return Machine()


@pytest.fixture(scope="session")
def datapath() -> Iterator[Datapath]:
    loaded = Datapath()
    yield loaded
    loaded.close()


@pytest.fixture
def node(devices: Machine, datapath: Datapath) -> Node:
    """As every case starts."""
    return Node(devices, datapath)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The table of reasons is about all other cases: last."""
    items.sort(key=lambda item: item.path.name == "test_reasons.py")


def pytest_unconfigure(config: pytest.Config) -> None:
    """The closing line of all our checks; what was skipped counts as failed."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    counts = {outcome: len(reporter.stats.get(outcome, [])) for outcome in ("passed", "failed", "error", "skipped")}
    failed = counts["failed"] + counts["error"] + counts["skipped"]
    print(f"{counts['passed']} passed, {failed} failed")
