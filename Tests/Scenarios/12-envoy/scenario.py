# SPDX-License-Identifier: Apache-2.0
"""Real Envoys take certificates and bundle from the node's socket: see README.md beside this file."""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import commands
from harness.configuration import standalone_configuration
from harness.daemons import Daemon, spiffe_id
from harness.lifetime import Run
from harness.namespaces import Namespace
from harness.report import Report
from harness.topology import TwoNodes
from harness.waiting import wait

TITLE = "Envoy's SDS: mutual TLS between two Envoys, through rotations"

ENVOY = str(Path(sys.executable).with_name("envoy"))
SHORT_LIFE = 12
ROTATIONS = 3
TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3."
FILTER = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"


@dataclass(frozen=True)
class Place:
    """Where one Envoy of its own user listens, and what it leads to."""

    name: str
    user: int
    port: int
    onward: int
    admin: int


WEB_PORT = 8000
SERVER = Place("server", 54_012, 8443, WEB_PORT, 9902)
CLIENT = Place("client", 54_011, 8080, SERVER.port, 9901)
STRANGER = Place("stranger", 54_013, 8081, SERVER.port, 9903)


def play(run: Run, report: Report) -> None:
    # Users other than root come by here.
    run.directory.chmod(0o711)
    net = TwoNodes(run)
    node = Daemon(run, net.a, standalone_configuration(run, net))
    space = net.a.namespace
    report.step("1. Two Envoys with an entry each")
    node.start()
    for place in (CLIENT, SERVER):
        register(node, place)
    serve_page(run, space)
    for place in (SERVER, CLIENT, STRANGER):
        start_envoy(run, space, place)
    report.expect("a request passes", wait(lambda: get(space, CLIENT)), f"http://127.0.0.1:{CLIENT.port}/")

    report.step(f"2. Requests through {ROTATIONS} rotations")
    seen, sent, failed = serials(space, SERVER), 0, 0
    deadline = time.monotonic() + ROTATIONS * SHORT_LIFE
    while len(seen) <= ROTATIONS and time.monotonic() < deadline:
        sent += 1
        failed += not get(space, CLIENT)
        seen |= serials(space, SERVER)
    report.expect("the server's certificate is another each time", len(seen) > ROTATIONS, ", ".join(sorted(seen)))
    report.expect("no request fails", sent > 10 and failed == 0, f"{failed} of {sent}")

    report.step("3. An Envoy without an entry")
    report.expect("gets nothing through", not get(space, STRANGER), "")
    register(node, STRANGER)
    report.expect("and, with an entry for another name, a certificate", wait(lambda: serials(space, STRANGER)), "")
    report.expect("that the server refuses, which knows one client", not get(space, STRANGER), "")
    report.expect("the client it knows goes on", get(space, CLIENT), "")

    report.step("4. The server's identity is taken back")
    node.ask("revoke", "--spiffe-id", spiffe_id(SERVER.name))
    ended = wait(lambda: not get(space, CLIENT), SHORT_LIFE + 5)
    report.expect("no request passes once the last certificate has ended", ended, "")


def register(node: Daemon, place: Place) -> None:
    node.ask("entry", "create", "--spiffe-id", spiffe_id(place.name), "--node", "node-a",
             "--selector", f"unix:uid:{place.user}", "--ttl", str(SHORT_LIFE))


def serve_page(run: Run, space: Namespace) -> None:
    page = run.directory / "page"
    page.mkdir()
    (page / "index.html").write_text("here\n")
    web = space.spawn(sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(page), str(WEB_PORT),
                      log=(run.directory / "web.log").open("wb"))
    run.at_end(commands.kill_session, web)


def start_envoy(run: Run, space: Namespace, place: Place) -> None:
    path = run.directory / f"{place.name}.json"
    path.write_text(json.dumps(bootstrap(place, str(run.directory / "node-a/run/agent/api.sock"))))
    path.chmod(0o644)
    # Another user's program no longer dies with its parent unless that is said after the change.
    envoy = space.spawn(
        "setpriv", f"--reuid={place.user}", f"--regid={place.user}", "--clear-groups", "--pdeathsig=KILL", ENVOY,
        "-c", str(path), "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning",
        log=(run.directory / f"{place.name}.log").open("wb"))
    run.at_end(commands.kill_session, envoy)


def get(space: Namespace, place: Place) -> bool:
    """Whether a request through it, over a connection of its own, is answered."""
    return space.succeeds("curl", "--silent", "--fail", "--max-time", "2", f"http://127.0.0.1:{place.port}/")


def serials(space: Namespace, place: Place) -> set[str]:
    """Of the certificates that it has now."""
    told = json.loads(space.run("curl", "--silent", "--max-time", "2", f"http://127.0.0.1:{place.admin}/certs"))
    return {chain["serial_number"] for pair in told["certificates"] for chain in pair.get("cert_chain", [])}


def bootstrap(place: Place, api: str) -> dict[str, Any]:
    proxy = {"@type": FILTER, "stat_prefix": place.name, "cluster": "to"}
    chain: dict[str, Any] = {"filters": [{"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}]}
    onward = cluster("to", address(place.onward))
    if place == SERVER:
        chain["transport_socket"] = tls("DownstreamTlsContext", CLIENT, require_client_certificate=True)
    else:
        onward["transport_socket"] = tls("UpstreamTlsContext", SERVER)
    http2 = {"@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
             "explicit_http_config": {"http2_protocol_options": {}}}
    node = cluster("podshield", {"pipe": {"path": api}})
    node["typed_extension_protocol_options"] = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2}
    return {
        "node": {"id": place.name, "cluster": place.name}, "admin": {"address": address(place.admin)},
        "static_resources": {
            "listeners": [{"name": "from", "address": address(place.port), "filter_chains": [chain]}],
            "clusters": [onward, node],
        },
    }


def cluster(name: str, to: dict[str, Any]) -> dict[str, Any]:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": to}}]}]
    return {"name": name, "type": "STATIC", "connect_timeout": "2s",
            "load_assignment": {"cluster_name": name, "endpoints": endpoints}}


def address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def tls(context: str, peer: Place, **more: Any) -> dict[str, Any]:
    versions = {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"}
    matcher = {"san_type": "URI", "matcher": {"exact": spiffe_id(peer.name)}}
    common = {
        "tls_params": versions, "tls_certificate_sds_secret_configs": [secret("default")],
        "combined_validation_context": {
            "default_validation_context": {"match_typed_subject_alt_names": [matcher]},
            "validation_context_sds_secret_config": secret("ROOTCA"),
        },
    }
    return {"name": "envoy.transport_sockets.tls",
            "typed_config": {"@type": TLS + context, "common_tls_context": common, **more}}


def secret(name: str) -> dict[str, Any]:
    source = {"api_type": "GRPC", "transport_api_version": "V3",
              "grpc_services": [{"envoy_grpc": {"cluster_name": "podshield"}}]}
    return {"name": name, "sds_config": {"resource_api_version": "V3", "api_config_source": source}}
