# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""Every reason has been caused by a packet of the tables above; it runs last (see conftest.py)."""

import pytest

from bench.abi import Reason
from bench.datapath import Datapath

EXCEPTIONS = {
    Reason.NONE: "is no reason: an earlier program has counted the packet",
    Reason.COUNT: "is the size of the table",
    Reason.HELPER_FAILED: "needs a kernel that is out of memory",
}


CAUSED = [reason for reason in Reason if reason not in EXCEPTIONS]


@pytest.mark.parametrize("reason", CAUSED, ids=lambda reason: reason.name)
def test_it_was_caused(datapath: Datapath, reason: Reason) -> None:
    assert reason in datapath.seen


def test_exceptions_are_none_that_a_test_causes(datapath: Datapath) -> None:
    assert not datapath.seen & EXCEPTIONS.keys()
