#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A broker of this scenario: broker.py WORKLOAD_SOCKET USER[:GROUP] NODE_ID TARGET CALL KIND [VALUE...]. Becomes the user, of that
group too, gets its own SVID from the Workload API as any workload does, connects to TARGET by mTLS, and makes one call of the Broker API with grpcio for a
`pid NUMBER`, a `pod NAME`, a `uid UID` or a `nothing`. Prints what it is told, a JSON document a line.

`stream` prints every message and the status that it ends with, `bare` does without the header, `anonymous` without a certificate,
`token` asks for a JWT-SVID and verifies it. The messages are made from what the server's reflection says of them."""

import json
import os
import sys
import tempfile
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from spiffe import JwtBundle, JwtSvid, TrustDomain, WorkloadApiClient

from tunnel import Tunnel

SECURED = (("broker.spiffe.io", "true"),)
SERVICE = "spiffe.broker.API"


def say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


class Broker:
    def __init__(self, socket: str, node: str, target: str, is_anonymous: bool) -> None:
        context = WorkloadApiClient(f"unix://{socket}").fetch_x509_context()
        svid = context.default_svid
        self.trust_domain = svid.spiffe_id.trust_domain
        bundle = context.x509_bundle_set.get_bundle_for_trust_domain(self.trust_domain)
        self.roots = list(bundle.x509_authorities)
        own = tempfile.NamedTemporaryFile()
        key = svid.private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        own.write(pem(svid.cert_chain) + key)
        own.flush()
        tunnel = Tunnel(target, node, pem(self.roots).decode(), None if is_anonymous else own.name)
        self.channel = grpc.insecure_channel(tunnel.address)
        self.pool = descriptor_pool.DescriptorPool()

    def learn(self) -> None:
        """What the server says of its messages."""
        question = reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE)
        stub = reflection_pb2_grpc.ServerReflectionStub(self.channel)
        answer = next(iter(stub.ServerReflectionInfo(iter([question]), metadata=SECURED)))
        for file in reversed(answer.file_descriptor_response.file_descriptor_proto):
            self.pool.Add(descriptor_pb2.FileDescriptorProto.FromString(file))

    def message(self, name: str):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(f"spiffe.broker.{name}"))

    def reference(self, kind: str, value: str):
        reference = self.message("WorkloadReference")()
        if kind == "pid":
            reference.reference.Pack(self.message("WorkloadPIDReference")(pid=int(value)))
        elif kind in ("pod", "uid"):
            pods = self.message("KubernetesObjectType")(plural="pods", group="core")
            pod = self.message("KubernetesObjectReference")(type=pods)
            if kind == "pod":
                pod.key.namespace, pod.key.name = "shop", value
            else:
                pod.uid = value
            reference.reference.Pack(pod)
        return reference

    def call(self, method: str, kind: str, value: str, metadata: tuple = SECURED, **fields):
        descriptor = self.pool.FindServiceByName(SERVICE).methods_by_name[method]
        request = message_factory.GetMessageClass(descriptor.input_type)(**fields)
        request.reference.CopyFrom(self.reference(kind, value))
        make = self.channel.unary_stream if descriptor.server_streaming else self.channel.unary_unary
        answer = message_factory.GetMessageClass(descriptor.output_type)
        stub = make(f"/{SERVICE}/{method}", type(request).SerializeToString, answer.FromString)
        return stub(request, metadata=metadata, timeout=120)

    # Calls

    def stream(self, kind: str, value: str, metadata: tuple = SECURED) -> None:
        for message in self.call("SubscribeToX509SVID", kind, value, metadata):
            say(svids=[self.checked(svid) for svid in message.svids])
        say(status="OK")

    def checked(self, svid) -> dict[str, Any]:
        """Who and which it is; whether its key is its own and the roots of this client verify it."""
        leaf = x509.load_der_x509_certificate(svid.x509_svid)
        key = serialization.load_der_private_key(svid.x509_svid_key, None)
        leaf.verify_directly_issued_by(self.roots[0])
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        ids = names.get_values_for_type(x509.UniformResourceIdentifier)
        return {"id": svid.spiffe_id, "serial": f"{leaf.serial_number:x}",
                "good": key.public_key() == leaf.public_key() and ids == [svid.spiffe_id]}

    def token(self, kind: str, value: str) -> None:
        token = self.call("FetchJWTSVID", kind, value, audience=["somebody"]).svids[0]
        bundles = next(iter(self.call("SubscribeToJWTBundles", kind, value))).bundles
        trust_domain = TrustDomain(str(self.trust_domain))
        bundle = JwtBundle.parse(trust_domain, bundles[f"spiffe://{trust_domain}"])
        say(token=str(JwtSvid.parse_and_validate(token.svid, bundle, {"somebody"}).spiffe_id))


def pem(certificates: list[x509.Certificate]) -> bytes:
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)


def google_rpc():
    """What of google.rpc tells the reason of a failure: Status and ErrorInfo."""
    Field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="reason.proto", package="google.rpc", syntax="proto3", dependency=["google/protobuf/any.proto"])
    status, info = file.message_type.add(name="Status"), file.message_type.add(name="ErrorInfo")
    status.field.add(name="code", number=1, type=Field.TYPE_INT32, label=Field.LABEL_OPTIONAL)
    status.field.add(
        name="details", number=3, type=Field.TYPE_MESSAGE, label=Field.LABEL_REPEATED, type_name=".google.protobuf.Any")
    for number, name in enumerate(("reason", "domain"), 1):
        info.field.add(name=name, number=number, type=Field.TYPE_STRING, label=Field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(any_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return [message_factory.GetMessageClass(pool.FindMessageTypeByName(f"google.rpc.{name}")) for name in ("Status", "ErrorInfo")]


def reason(error: grpc.RpcError) -> str:
    """Of google.rpc.ErrorInfo, if there is one."""
    Status, ErrorInfo = google_rpc()
    details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    for detail in Status.FromString(details).details:
        if detail.TypeName() == "google.rpc.ErrorInfo":
            info = ErrorInfo.FromString(detail.value)
            return f"{info.reason} {info.domain}"
    return ""


def main() -> None:
    socket, user, node, target, call, kind, *values = sys.argv[1:]
    user, *groups = map(int, user.split(":"))
    os.setgroups(groups)
    os.setgid(user)
    os.setuid(user)
    try:
        broker = Broker(socket, node, target, call == "anonymous")
        broker.learn()
        value = values[0] if values else ""
        if call == "token":
            broker.token(kind, value)
        else:
            broker.stream(kind, value, () if call == "bare" else SECURED)
    except grpc.RpcError as error:
        say(status=error.code().name, reason=reason(error), details=error.details())


if __name__ == "__main__":
    main()
