#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server of SPIRE, as far as authorities below it see one, and the Workload API of an agent of it: server.py DIRECTORY PORT
TRUST_DOMAIN. Its CAs are as SPIRE makes them: without a path length, for as long as is asked for. Leaves its root in DIRECTORY/root.pem,
and its socket in DIRECTORY/agent.sock; what DIRECTORY/wrong says, if it is there, is wrong with what it does. A line for each call."""

import datetime
import sys
import time
from concurrent import futures
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from spiffe._proto import workload_pb2, workload_pb2_grpc

from svid_api import METHOD, SERVICE, Answer, Request

DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM


class Authority:
    def __init__(self, trust_domain: str) -> None:
        self.id = f"spiffe://{trust_domain}"
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.root = self.certificate(self.key.public_key(), self.id, 10 * 86400, True, "root", None)

    def certificate(self, key, uri: str, seconds: int, is_ca: bool, unit: str, issuer) -> x509.Certificate:
        now = datetime.datetime.now(datetime.timezone.utc)
        name = x509.Name([
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "SPIFFE"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit)])
        usage = {use: False for use in (
            "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
            "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")}
        usage.update({use: True for use in (
            ("key_cert_sign", "crl_sign") if is_ca else ("digital_signature", "key_encipherment", "key_agreement"))})
        made = (
            x509.CertificateBuilder().subject_name(name).issuer_name(issuer.subject if issuer else name).public_key(key)
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(seconds=10))
            .not_valid_after(now + datetime.timedelta(seconds=seconds))
            .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
            .add_extension(x509.KeyUsage(**usage), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=False))
        if not is_ca:
            both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            made = made.add_extension(x509.ExtendedKeyUsage(both), critical=False)
        return made.sign(self.key, hashes.SHA256())

    def svid(self, path: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        return self.certificate(key.public_key(), f"{self.id}/{path}", 3600, False, path, self.root), key


class Agent(workload_pb2_grpc.SpiffeWorkloadAPIServicer):
    def __init__(self, authority: Authority) -> None:
        self.authority = authority

    def FetchX509SVID(self, request, context):
        certificate, key = self.authority.svid("below")
        yield workload_pb2.X509SVIDResponse(svids=[workload_pb2.X509SVID(
            spiffe_id=f"{self.authority.id}/below", x509_svid=certificate.public_bytes(DER),
            x509_svid_key=key.private_bytes(DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
            bundle=self.authority.root.public_bytes(DER))])
        time.sleep(3600)


def signing(authority: Authority, wrong: Path):
    def answer(body: bytes, context) -> bytes:
        fault = wrong.read_text().strip() if wrong.exists() else ""
        caller = context.auth_context().get("x509_subject_alternative_name", [b"nobody"])[0].decode()
        print(f"asked by {caller}, {fault or 'well'}", flush=True)
        if fault == "refuses":
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "caller is not a downstream workload\r\n\x1b[31m")
        request = Request.FromString(body)
        csr = x509.load_der_x509_csr(request.csr)
        key = csr.public_key()
        if fault == "another key":
            key = ec.generate_private_key(ec.SECP256R1()).public_key()
        uri = "spiffe://other.example" if fault == "another trust domain" else authority.id
        made = authority.certificate(key, uri, request.preferred_ttl, True, "DOWNSTREAM-1", authority.root)
        chain = [made.public_bytes(DER)] * (40 if fault == "too many" else 1)
        if fault == "too long":
            chain = [bytes(1 << 20)]
        return Answer(ca_cert_chain=chain, x509_authorities=[authority.root.public_bytes(DER)]).SerializeToString()

    handler = grpc.unary_unary_rpc_method_handler(answer)
    return grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler})


def main() -> None:
    directory, port, trust_domain = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    authority = Authority(trust_domain)
    root = authority.root.public_bytes(PEM)
    (directory / "root.pem").write_bytes(root)
    agent = grpc.server(futures.ThreadPoolExecutor(64))
    workload_pb2_grpc.add_SpiffeWorkloadAPIServicer_to_server(Agent(authority), agent)
    agent.add_insecure_port(f"unix:{directory}/agent.sock")
    agent.start()
    certificate, key = authority.svid("spire/server")
    pair = (key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()), certificate.public_bytes(PEM))
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers([signing(authority, directory / "wrong")])
    server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials([pair], root, require_client_auth=True))
    server.start()
    print("ready", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
