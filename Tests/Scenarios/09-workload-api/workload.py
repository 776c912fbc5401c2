#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A workload of this scenario: workload.py SOCKET USER watch|token|tokens|reflect|crowd. Becomes the user, then prints
what it is told, a JSON document a line.

`watch` is the X.509 source of PyPI's spiffe and `tokens` its JWT source, as its users have them. The others make one call each: `token` asks
for a JWT-SVID, verifies it and has it validated, `reflect` for what is offered, `crowd` opens a thousand connections and says how many were
closed."""

import socket
import sys
import time
from pathlib import Path

import grpc
import jwt
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from spiffe import JwtSource, JwtSvid, WorkloadApiClient, X509Source
from spiffe.svid.x509_svid import X509Svid

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "harness"))

from svid_client import SECURED, become, say

CROWD = 1000
PATIENCE_SECONDS = 20


def watch(path: str) -> None:
    def pick(svids: list[X509Svid]) -> X509Svid:
        say(svids=[{"id": str(svid.spiffe_id), "serial": f"{svid.leaf.serial_number:x}"} for svid in svids])
        return svids[0]

    with X509Source(socket_path=f"unix://{path}", svid_picker=pick) as source:
        svid = source.get_x509_context().default_svid
        authorities = source.get_bundle_for_trust_domain(svid.spiffe_id.trust_domain).x509_authorities
        for authority in authorities:
            svid.leaf.verify_directly_issued_by(authority)
        say(verified=len(authorities))
        time.sleep(3600)


def token(path: str) -> None:
    client = WorkloadApiClient(f"unix://{path}")
    try:
        svid = client.fetch_jwt_svid({"somebody"})
        bundle = client.fetch_jwt_bundles().get_bundle_for_trust_domain(svid.spiffe_id.trust_domain)
        JwtSvid.parse_and_validate(svid.token, bundle, {"somebody"})
        say(token=str(client.validate_jwt_svid(svid.token, "somebody").spiffe_id))
        client.validate_jwt_svid(svid.token, "somebody else")
    except Exception as error:
        say(error=str(error))


def tokens(path: str) -> None:
    """Fetches one after another, and judges each by the bundle that the source has by then."""
    with JwtSource(socket_path=f"unix://{path}") as source:
        while True:
            try:
                fetched = source.fetch_svid({"somebody"})
                bundle = source.get_bundle_for_trust_domain(fetched.spiffe_id.trust_domain)
                svid = JwtSvid.parse_and_validate(fetched.token, bundle, {"somebody"})
                say(token=str(svid.spiffe_id), key=jwt.get_unverified_header(svid.token)["kid"])
            except Exception as error:
                say(error=str(error))
            time.sleep(0.2)


def reflect(path: str) -> None:
    question = reflection_pb2.ServerReflectionRequest(list_services="")
    with grpc.insecure_channel(f"unix:{path}") as channel:
        api = reflection_pb2_grpc.ServerReflectionStub(channel)
        for answer in api.ServerReflectionInfo(iter([question]), metadata=SECURED):
            say(services=[service.name for service in answer.list_services_response.service])


def crowd(path: str) -> None:
    connections = []
    for _ in range(CROWD):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(path)
        connection.setblocking(False)
        connections.append(connection)
    deadline, closed = time.monotonic() + PATIENCE_SECONDS, -1
    while (count := sum(map(is_closed, connections))) != closed or not count:
        if time.monotonic() > deadline:
            break
        closed = count
        time.sleep(0.5)
    say(closed=closed)
    time.sleep(3600)


def is_closed(connection: socket.socket) -> bool:
    try:
        while connection.recv(4096):
            pass
    except BlockingIOError:
        return False
    except ConnectionResetError:
        pass
    return True


if __name__ == "__main__":
    become(int(sys.argv[2]))
    calls = {"watch": watch, "token": token, "tokens": tokens, "reflect": reflect, "crowd": crowd}
    calls[sys.argv[3]](sys.argv[1])
