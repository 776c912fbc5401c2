# SPDX-License-Identifier: Apache-2.0
"""Real Envoys take certificates and bundle from the node's socket: see README.md beside this file."""

import time

from harness import envoy
from harness.configuration import standalone_configuration
from harness.daemons import Daemon, spiffe_id
from harness.envoy import Envoy
from harness.lifetime import Run
from harness.report import Report
from harness.topology import TwoNodes
from harness.waiting import wait

TITLE = "Envoy's SDS: mutual TLS between two Envoys, through rotations"

SHORT_LIFE = 12
ROTATIONS = 3
WEB_PORT = 8000
SERVER = Envoy("server", 54_012, 8443, WEB_PORT, 9902, ("client",), is_server=True)
CLIENT = Envoy("client", 54_011, 8080, SERVER.port, 9901, ("server",))
STRANGER = Envoy("stranger", 54_013, 8081, SERVER.port, 9903, ("server",))


def play(run: Run, report: Report) -> None:
    # Users other than root come by here.
    run.directory.chmod(0o711)
    net = TwoNodes(run)
    node = Daemon(run, net.a, standalone_configuration(run, net))
    space = net.a.namespace
    report.step("1. Two Envoys with an entry each")
    node.start()
    for each in (CLIENT, SERVER):
        envoy.register(node, each, SHORT_LIFE)
    envoy.serve_page(run, space, WEB_PORT)
    for each in (SERVER, CLIENT, STRANGER):
        envoy.start(run, space, each)
    report.expect("a request passes", wait(lambda: envoy.get(space, CLIENT)), f"http://127.0.0.1:{CLIENT.port}/")

    report.step(f"2. Requests through {ROTATIONS} rotations")
    seen, sent, failed = envoy.serials(space, SERVER), 0, 0
    deadline = time.monotonic() + ROTATIONS * SHORT_LIFE
    while len(seen) <= ROTATIONS and time.monotonic() < deadline:
        sent += 1
        failed += not envoy.get(space, CLIENT)
        seen |= envoy.serials(space, SERVER)
    report.expect("the server's certificate is another each time", len(seen) > ROTATIONS, ", ".join(sorted(seen)))
    report.expect("no request fails", sent > 10 and failed == 0, f"{failed} of {sent}")

    report.step("3. An Envoy without an entry")
    report.expect("gets nothing through", not envoy.get(space, STRANGER), "")
    envoy.register(node, STRANGER, SHORT_LIFE)
    report.expect("and, with an entry for another name, a certificate", wait(lambda: envoy.serials(space, STRANGER)), "")
    report.expect("that the server refuses, which knows one client", not envoy.get(space, STRANGER), "")
    report.expect("the client it knows goes on", envoy.get(space, CLIENT), "")

    report.step("4. The server's identity is taken back")
    node.ask("revoke", "--spiffe-id", spiffe_id(SERVER.name))
    ended = wait(lambda: not envoy.get(space, CLIENT), SHORT_LIFE + 5)
    report.expect("no request passes once the last certificate has ended", ended, "")
