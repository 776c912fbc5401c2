#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A workload that keeps a stream of FetchX509SVID open: svid_client.py SOCKET USER secured|bare. Becomes the user, then prints a JSON
document a line: of each message the SVIDs and which lists are in it, of the stream's end its status; with the moment in nanoseconds of
the monotonic clock. `bare` does without the header."""

import hashlib
import json
import os
import sys
import time
from typing import Any

import grpc
from spiffe._proto import workload_pb2, workload_pb2_grpc
from spiffe.svid.x509_svid import X509Svid

SECURED = (("workload.spiffe.io", "true"),)


def say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


def become(user: int) -> None:
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)


def stream(path: str, metadata: tuple) -> None:
    with grpc.insecure_channel(f"unix:{path}") as channel:
        api = workload_pb2_grpc.SpiffeWorkloadAPIStub(channel)
        try:
            for message in api.FetchX509SVID(workload_pb2.X509SVIDRequest(), metadata=metadata):
                now = time.monotonic_ns()
                lists = hashlib.sha256(b"".join(message.crl)).hexdigest()
                say(at=now, svids=[told(svid) for svid in message.svids], lists=lists)
            say(at=time.monotonic_ns(), status="OK")
        except grpc.RpcError as error:
            say(at=time.monotonic_ns(), status=error.code().name)


def told(svid: workload_pb2.X509SVID) -> dict[str, str]:
    leaf = X509Svid.parse_raw(svid.x509_svid, svid.x509_svid_key).leaf
    return {"id": svid.spiffe_id, "hint": svid.hint, "serial": f"{leaf.serial_number:x}"}


if __name__ == "__main__":
    become(int(sys.argv[2]))
    stream(sys.argv[1], {"secured": SECURED, "bare": ()}[sys.argv[3]])
