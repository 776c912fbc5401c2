#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An authority below another, as a server of SPIRE is one: downstream.py WORKLOAD_SOCKET TARGET SERVER_ID. Gets its SVID from the
Workload API, connects by mTLS with grpcio, and makes the calls of SPIRE's plugin (pkg/server/plugin/upstreamauthority/spire) in its
order, with its checks; then it asks for what the server does not have. Prints JSON, a line each."""

import json
import secrets
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import grpc
import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from spiffe import WorkloadApiClient

from svid_api import BUNDLE_SERVICE, METHOD, SERVICE, Answer, Bundle, JWTKey, PublishAnswer, PublishRequest, Request

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


def check(key) -> None:
    """As SPIRE's `jwtkey.fromProtoFields` has it: with an ID, and a key in PKIX."""
    if not key.key_id:
        raise ValueError("missing key ID for JWT key")
    serialization.load_der_public_key(key.public_key)


def publish(ask, bundle, subject: str) -> None:
    """`PublishJWTKeyAndSubscribe`, each of whose errors ends the start of a server of SPIRE; then what `pollBundleUpdates` finds."""
    key, name = ec.generate_private_key(ec.SECP256R1()), secrets.token_urlsafe(24)
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    now = int(time.time())
    for what, seconds in (("too long", 30 * 86400), ("PublishJWTAuthority", 86400), ("once more", 86400)):
        wanted = JWTKey(public_key=der, key_id=name, expires_at=now + seconds)
        try:
            body = ask(f"{BUNDLE_SERVICE}/PublishJWTAuthority", PublishRequest(jwt_authority=wanted).SerializeToString())
        except grpc.RpcError as error:
            say(asked=what, status=error.code().name, details=error.details())
            continue
        answer = PublishAnswer.FromString(body)
        for each in answer.jwt_authorities:
            check(each)
        claims = {"sub": subject, "aud": ["db"], "exp": now + 3600, "iat": now}
        say(asked=what, status="OK", keys=len(answer.jwt_authorities), there=wanted in answer.jwt_authorities, key=name,
            polled=wanted in bundle().jwt_authorities, token=jwt.encode(claims, key, algorithm="ES256", headers={"kid": name}))


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

    def bundle() -> Bundle:
        """`getBundle`: without a mask. All of it has to be readable, or the plugin takes none."""
        told = Bundle.FromString(ask(f"{BUNDLE_SERVICE}/GetBundle", b""))
        for authority in told.x509_authorities:
            x509.load_der_x509_certificate(authority.asn1)
        for each in told.jwt_authorities:
            check(each)
        return told

    # `subscribeToPolling` asks before anything else does.
    told = bundle()
    say(asked="GetBundle", domain=told.trust_domain, keys=len(told.jwt_authorities),
        roots=[x509.load_der_x509_certificate(each.asn1) for each in told.x509_authorities] == roots,
        tainted=any(each.tainted for each in [*told.x509_authorities, *told.jwt_authorities]), sequence=told.sequence_number)
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
    publish(ask, bundle, f"spiffe://{domain}/of-below")
    for method in (f"{SERVICE}/MintX509SVID", f"{BUNDLE_SERVICE}/AppendBundle", "spire.api.server.entry.v1.Entry/ListEntries"):
        try:
            ask(method, b"")
            say(asked=method, status="OK")
        except grpc.RpcError as error:
            say(asked=method, status=error.code().name)


if __name__ == "__main__":
    main()
