# SPDX-License-Identifier: Apache-2.0
"""What of SPIRE's server API a CA below another is had by, and what an authority below hears and tells, said here once more from SPIRE's
own definition."""

import sys
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness.messages import add_message  # noqa: E402

PACKAGE = "spire.api.server.svid.v1"
SERVICE = f"{PACKAGE}.SVID"
METHOD = "NewDownstreamX509CA"
BUNDLE_PACKAGE = "spire.api.server.bundle.v1"
BUNDLE_SERVICE = f"{BUNDLE_PACKAGE}.Bundle"
TYPES = "spire.api.types"


def _messages():
    svid = descriptor_pb2.FileDescriptorProto(name="svid.proto", package=PACKAGE, syntax="proto3")
    add_message(svid, f"{METHOD}Request", ("csr", 1, "bytes"), ("preferred_ttl", 2, "int32"))
    add_message(svid, f"{METHOD}Response", ("ca_cert_chain", 1, "*bytes"), ("x509_authorities", 2, "*bytes"))
    types = descriptor_pb2.FileDescriptorProto(name="types.proto", package=TYPES, syntax="proto3")
    add_message(types, "X509Certificate", ("asn1", 1, "bytes"), ("tainted", 2, "bool"))
    add_message(types, "JWTKey", ("public_key", 1, "bytes"), ("key_id", 2, "string"), ("expires_at", 3, "int64"), ("tainted", 4, "bool"))
    add_message(types, "Bundle", ("trust_domain", 1, "string"), ("x509_authorities", 2, f"*{TYPES}.X509Certificate"),
                ("jwt_authorities", 3, f"*{TYPES}.JWTKey"), ("refresh_hint", 4, "int64"), ("sequence_number", 5, "uint64"))
    bundle = descriptor_pb2.FileDescriptorProto(
        name="bundle.proto", package=BUNDLE_PACKAGE, syntax="proto3", dependency=["types.proto"])
    add_message(bundle, "PublishJWTAuthorityRequest", ("jwt_authority", 1, f"{TYPES}.JWTKey"))
    add_message(bundle, "PublishJWTAuthorityResponse", ("jwt_authorities", 1, f"*{TYPES}.JWTKey"))
    pool = descriptor_pool.DescriptorPool()
    for file in (svid, types, bundle):
        pool.Add(file)
    names = (
        f"{PACKAGE}.{METHOD}Request", f"{PACKAGE}.{METHOD}Response", f"{TYPES}.Bundle", f"{TYPES}.JWTKey",
        f"{BUNDLE_PACKAGE}.PublishJWTAuthorityRequest", f"{BUNDLE_PACKAGE}.PublishJWTAuthorityResponse")
    return [message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in names]


Request, Answer, Bundle, JWTKey, PublishRequest, PublishAnswer = _messages()
