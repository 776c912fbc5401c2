#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An authority below another, as a server of SPIRE is one: downstream.py WORKLOAD_SOCKET TARGET SERVER_ID [TRUST_DOMAIN]. Gets its SVID
from the Workload API, connects by mTLS with grpcio, and asks for a CA; then for what the server does not have. Prints JSON, a line each."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from spiffe import WorkloadApiClient

from svid_api import METHOD, SERVICE, Answer, Request

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "21-broker"))
from tunnel import Tunnel  # noqa: E402


def say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


def pem(certificates) -> bytes:
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)


def request(key: ec.EllipticCurvePrivateKey, *uris: str) -> bytes:
    """As SPIRE's servers make them."""
    subject = x509.Name([
        x509.NameAttribute(NameOID.COUNTRY_NAME, "US"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "SPIFFE")])
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).add_extension(names, critical=False)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def main() -> None:
    socket, target, server = sys.argv[1:4]
    context = WorkloadApiClient(f"unix://{socket}").fetch_x509_context()
    svid = context.default_svid
    domain = svid.spiffe_id.trust_domain
    roots = list(context.x509_bundle_set.get_bundle_for_trust_domain(domain).x509_authorities)
    own = tempfile.NamedTemporaryFile()
    own.write(pem(svid.cert_chain) + svid.private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    own.flush()
    channel = grpc.insecure_channel(Tunnel(target, server, pem(roots).decode(), own.name).address)

    def ask(method: str, body: bytes) -> bytes:
        return channel.unary_unary(f"/{method}")(body, timeout=20)

    key = ec.generate_private_key(ec.SECP256R1())
    for name, uris in (("own", [f"spiffe://{domain}"]), ("other", ["spiffe://other.example"]), ("none", [])):
        body = Request(csr=request(key, *uris) if uris else b"nonsense", preferred_ttl=3600)
        try:
            answer = Answer.FromString(ask(f"{SERVICE}/{METHOD}", body.SerializeToString()))
        except grpc.RpcError as error:
            say(asked=name, status=error.code().name, details=error.details())
            continue
        chain = [x509.load_der_x509_certificate(der) for der in answer.ca_cert_chain]
        chain[-1].verify_directly_issued_by(roots[0])
        constraints = chain[0].extensions.get_extension_for_class(x509.BasicConstraints).value
        names = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        say(asked=name, status="OK", ca=constraints.ca, path=constraints.path_length,
            uris=names.get_values_for_type(x509.UniformResourceIdentifier),
            own=chain[0].public_key() == key.public_key(), serial=f"{chain[0].serial_number:032x}",
            seconds=int((chain[0].not_valid_after_utc - chain[0].not_valid_before_utc).total_seconds()),
            roots=[x509.load_der_x509_certificate(der) for der in answer.x509_authorities] == roots)
    for method in (f"{SERVICE}/MintX509SVID", "spire.api.server.entry.v1.Entry/ListEntries"):
        try:
            ask(method, b"")
            say(asked=method, status="OK")
        except grpc.RpcError as error:
            say(asked=method, status=error.code().name)


if __name__ == "__main__":
    main()
