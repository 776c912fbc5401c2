"""Two Envoy sidecars with mutual TLS 1.3, as meshes place them: one in each pod, TCP only."""

import json
import time
from pathlib import Path as File
from typing import Any

import ports
from harness import commands
from harness.topology import Pod
from .certificates import Certificates
from .path import Path

ROOT = File(__file__).resolve().parents[2]
ENVOY = ROOT / ".build-bench-venv/bin/envoy"
LOOPBACK = "127.0.0.1"
# An application's port plus this is where its pod's sidecar takes TLS.
TLS_PORTS = 10000
# What meshes give a sidecar.
WORKER_THREADS = 2
START_SECONDS = 20
CLIENT_ID, SERVER_ID = "spiffe://bench/client", "spiffe://bench/server"


class Envoy(Path):
    """The client dials its own sidecar on loopback: no redirection by netfilter is counted against the proxies."""

    name = "envoy"
    title = "two Envoys, mTLS"
    carries_udp = False

    @property
    def address(self) -> str:
        return LOOPBACK

    def set_up(self) -> None:
        client, server = self.machines.client, self.machines.server
        certificates = Certificates(self.run.directory / self.name)
        outward = [outbound(port, server, certificates) for port in ports.ALL]
        inward = [inbound(port, server, certificates) for port in ports.ALL]
        self._processes = (self._start(client, "client", outward), self._start(server, "server", inward))

    def processes(self) -> tuple[int, ...]:
        return self._processes

    def _start(self, pod: Pod, name: str, listeners: list["Forward"]) -> int:
        directory = self.run.directory / f"{self.name}-{name}"
        directory.mkdir()
        configuration = directory / "envoy.json"
        configuration.write_text(json.dumps(bootstrap(listeners)))
        log = directory / "envoy.log"
        process = pod.namespace.spawn(
            str(ENVOY), "--config-path", str(configuration), "--concurrency", str(WORKER_THREADS),
            "--disable-hot-restart", "--log-level", "warning", log=log.open("wb"),
        )
        self.run.at_end(commands.stop, process)
        deadline = time.monotonic() + START_SECONDS
        while len(listening(pod)) < len(listeners):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"envoy did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)
        return process.pid


Forward = tuple[dict[str, Any], dict[str, Any]]


def listening(pod: Pod) -> list[str]:
    return pod.namespace.run("ss", "--no-header", "--listening", "--tcp", "--numeric").splitlines()


def outbound(port: int, server: Pod, certificates: Certificates) -> Forward:
    """From the client on loopback, by TLS, to the server's sidecar."""
    cluster = upstream(f"to-{port}", server.v4, port + TLS_PORTS)
    cluster["transport_socket"] = tls("UpstreamTlsContext", certificates, "client", SERVER_ID)
    return listener(f"from-{port}", LOOPBACK, port, cluster["name"]), cluster


def inbound(port: int, server: Pod, certificates: Certificates) -> Forward:
    """From the client's sidecar, by TLS, to the server on loopback."""
    cluster = upstream(f"to-{port}", LOOPBACK, port)
    accept = listener(f"from-{port}", server.v4, port + TLS_PORTS, cluster["name"])
    context = tls("DownstreamTlsContext", certificates, "server", CLIENT_ID)
    context["typed_config"]["require_client_certificate"] = True
    accept["filter_chains"][0]["transport_socket"] = context
    return accept, cluster


def bootstrap(forwards: list[Forward]) -> dict[str, Any]:
    listeners, clusters = zip(*forwards)
    return {"static_resources": {"listeners": listeners, "clusters": clusters}}


def listener(name: str, address: str, port: int, cluster: str) -> dict[str, Any]:
    proxy = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": name, "cluster": cluster,
    }
    return {
        "name": name, "address": socket_address(address, port),
        "filter_chains": [{"filters": [{"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}]}],
    }


def upstream(name: str, address: str, port: int) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": socket_address(address, port)}}
    return {
        "name": name, "type": "STATIC", "connect_timeout": "2s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def socket_address(address: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": address, "port_value": port}}


def tls(context: str, certificates: Certificates, own: str, peer_id: str) -> dict[str, Any]:
    """TLS 1.3 only, the peer known by its SPIFFE ID."""
    chain = {
        "certificate_chain": {"filename": str(certificates.certificate(own))},
        "private_key": {"filename": str(certificates.key(own))},
    }
    peer = {
        "trusted_ca": {"filename": str(certificates.authority)},
        "match_typed_subject_alt_names": [{"san_type": "URI", "matcher": {"exact": peer_id}}],
    }
    versions = {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"}
    common = {"tls_certificates": [chain], "validation_context": peer, "tls_params": versions}
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": f"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.{context}",
            "common_tls_context": common,
        },
    }
