#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A workload that keeps its stream of FetchX509SVID open: hold.py SOCKET. Prints a JSON document for each message and one for the
stream's end, with the moment in nanoseconds of the monotonic clock; of a message how many SVIDs and which lists are in it."""

import hashlib
import json
import sys
import time
from typing import Any

import grpc
from spiffe._proto import workload_pb2, workload_pb2_grpc

SECURED = (("workload.spiffe.io", "true"),)


def say(**facts: Any) -> None:
    print(json.dumps({"at": time.monotonic_ns(), **facts}), flush=True)


def main(path: str) -> None:
    with grpc.insecure_channel(f"unix:{path}") as channel:
        api = workload_pb2_grpc.SpiffeWorkloadAPIStub(channel)
        try:
            for message in api.FetchX509SVID(workload_pb2.X509SVIDRequest(), metadata=SECURED):
                say(svids=len(message.svids), lists=hashlib.sha256(b"".join(message.crl)).hexdigest())
            say(ended="OK")
        except grpc.RpcError as error:
            say(ended=error.code().name)


if __name__ == "__main__":
    main(sys.argv[1])
