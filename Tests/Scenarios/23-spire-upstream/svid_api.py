# SPDX-License-Identifier: Apache-2.0
"""What of SPIRE's server API a CA below another is had by, said here once more from SPIRE's own definition."""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "spire.api.server.svid.v1"
SERVICE = f"{PACKAGE}.SVID"
METHOD = "NewDownstreamX509CA"
_Field = descriptor_pb2.FieldDescriptorProto


def _messages():
    file = descriptor_pb2.FileDescriptorProto(name="svid.proto", package=PACKAGE, syntax="proto3")
    request, answer = (file.message_type.add(name=f"{METHOD}{what}") for what in ("Request", "Response"))
    request.field.add(name="csr", number=1, type=_Field.TYPE_BYTES, label=_Field.LABEL_OPTIONAL)
    request.field.add(name="preferred_ttl", number=2, type=_Field.TYPE_INT32, label=_Field.LABEL_OPTIONAL)
    answer.field.add(name="ca_cert_chain", number=1, type=_Field.TYPE_BYTES, label=_Field.LABEL_REPEATED)
    answer.field.add(name="x509_authorities", number=2, type=_Field.TYPE_BYTES, label=_Field.LABEL_REPEATED)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return [message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{each.name}")) for each in (request, answer)]


Request, Answer = _messages()
