# SPDX-License-Identifier: Apache-2.0
"""A siege: strangers hold every connection that strangers may hold, for longer than keys live."""

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Iterator

from harness import commands
from harness.daemons import Daemon
from harness.waiting import wait

if TYPE_CHECKING:
    from scenario import Floods

LINK_PORT, AUTHORITY_PORT = 7600, 7601
# What the daemons let strangers hold.
LINK_PLACES, AUTHORITY_PLACES = 256, 1024
# Keys live for twice the epoch.
EPOCH_SECONDS, SECONDS = 20, 45
SHORT_EPOCHS = f"""
link:
  epoch-lifetime: {EPOCH_SECONDS}s
"""
FILL_SECONDS, RETURN_SECONDS = 15, 10
# A sum is told every half minute.
SUM_SECONDS = 35
REFUSED_LINK, REFUSED_CONNECTION, LEFT_OUT = " PSD4005 ", " PSD2002 ", " PSD1014 "
# So many at once, then one in ten seconds.
MOST_LINES = 128 + (SECONDS + FILL_SECONDS + RETURN_SECONDS) // 10 + 2
STRANGERS = Path(__file__).with_name("strangers.py")


def play(floods: "Floods") -> None:
    report = floods.report
    report.step(f"10. Strangers hold all that strangers may hold, for {SECONDS} s; keys last {2 * EPOCH_SECONDS} s")
    floods.calendar.note("siege")
    for daemon in (floods.a, floods.b):
        _restart(daemon, SHORT_EPOCHS)
    report.expect("the nodes have a session", floods.a.wait_for_peer("node-b") is not None)
    told = {floods.a: floods.a.log.count(REFUSED_LINK), floods.authority: floods.authority.log.count(REFUSED_CONNECTION)}
    sums = {daemon: daemon.log.count(LEFT_OUT) for daemon in told}
    with _besieged(floods):
        _expect_full(floods)
        floods.b.stop()
        floods.b.start()
        report.expect("a node that starts now reaches the authority", wait(lambda: _is_connected(floods.b), RETURN_SECONDS))
        epochs = _epochs(floods.a)
        report.expect("keys change by themselves", len(epochs) > SECONDS // EPOCH_SECONDS, f"{len(epochs)} epochs")
        for daemon, peer in ((floods.a, "node-b"), (floods.b, "node-a")):
            outcome = daemon.ask("peers", "rekey", peer)["outcomes"][0]
            report.expect(f"they change when {daemon.node.name} is asked", outcome.get("epoch") not in (None, *epochs), outcome)
        _expect_full(floods)
    for daemon, code in ((floods.a, REFUSED_LINK), (floods.authority, REFUSED_CONNECTION)):
        lines, name = daemon.log.count(code) - told[daemon], daemon.node.name
        report.expect(f"{name} tells of some refusals,{code}", lines <= MOST_LINES, f"{lines} lines")
        has_sum = wait(lambda: daemon.log.count(LEFT_OUT) > sums[daemon], SUM_SECONDS)
        report.expect(f"{name} tells how many it left out,{LEFT_OUT}", has_sum, _last(daemon, LEFT_OUT))


@contextmanager
def _besieged(floods: "Floods") -> Iterator[None]:
    targets = [(floods.a, LINK_PORT), (floods.b, LINK_PORT), (floods.authority, AUTHORITY_PORT), (floods.authority, AUTHORITY_PORT)]
    with (floods.run.directory / "siege.log").open("wb") as log:
        sieges = [
            floods.stranger.namespace.spawn(
                "/usr/bin/python3", str(STRANGERS), "holding", daemon.node.v4, str(port), "600", str(floods.credentials),
                *floods.sources, log=log,
            )
            for daemon, port in targets
        ]
    for siege in sieges:
        floods.run.at_end(commands.stop, siege)
    yield
    for siege in sieges:
        commands.stop(siege)


def _restart(daemon: Daemon, settings: str) -> None:
    daemon.stop()
    daemon.configuration_file.write_text(daemon.configuration_file.read_text() + settings)
    daemon.start()


def _expect_full(floods: "Floods") -> None:
    places = ((floods.a, LINK_PORT, LINK_PLACES), (floods.b, LINK_PORT, LINK_PLACES), (floods.authority, AUTHORITY_PORT, AUTHORITY_PLACES))
    for daemon, port, most in places:
        # One moment between an end and the next try is all that is free.
        is_full = wait(lambda: _strangers(floods, daemon, port) >= 0.9 * most, FILL_SECONDS)
        floods.report.expect(f"strangers hold the places of {daemon.node.name}", is_full, _strangers(floods, daemon, port))


def _strangers(floods: "Floods", daemon: Daemon, port: int) -> int:
    """Their connections that the daemon has not closed."""
    lines = daemon.node.namespace.run("ss", "-Htn", "state", "established", f"sport = :{port}").splitlines()
    return sum(line.split()[-1].rsplit(":", 1)[0].strip("[]").removeprefix("::ffff:") in floods.sources for line in lines)


def _is_connected(daemon: Daemon) -> bool:
    return daemon.ask("status")["node"]["authorityConnected"]


def _epochs(daemon: Daemon) -> set[str]:
    epochs, end = set(), time.monotonic() + SECONDS
    while time.monotonic() < end:
        epochs |= {peer["epoch"] for peer in daemon.ask("peers")["peers"] if peer["name"] == "node-b" and peer.get("epoch")}
        time.sleep(1)
    return epochs


def _last(daemon: Daemon, code: str) -> list[str]:
    return [line for line in daemon.log.splitlines() if code in line][-1:]
