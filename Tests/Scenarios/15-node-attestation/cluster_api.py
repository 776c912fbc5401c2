#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""As much of a Kubernetes API server as TokenReview needs: HTTPS, tokens that it signs, and reviews that check them.

usage: cluster_api.py prepare DIRECTORY
       cluster_api.py serve DIRECTORY PORT
       cluster_api.py token DIRECTORY NAMESPACE ACCOUNT NODE [--audience A] [--lifetime SECONDS] [--by FILE]

`prepare` leaves in DIRECTORY what a cluster and its clients need: `ca.pem`, the server's certificate, the key that signs tokens, and
`reviewer`, the token of who may ask for reviews. A node that is `-` makes a token that is bound to no pod.
"""

import argparse
import datetime
import http.server
import ipaddress
import json
import ssl
import sys
import time
from pathlib import Path
from typing import Any, Optional

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ISSUER = "https://kubernetes.default.svc"
PATH = "/apis/authentication.k8s.io/v1/tokenreviews"
PEM = serialization.Encoding.PEM


# ---- Keys and certificates ----


def prepare(directory: Path) -> None:
    directory.mkdir(exist_ok=True)
    ca_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = certificate("cluster", ca_key, None, ca_key)
    (directory / "ca.pem").write_bytes(ca.public_bytes(PEM))
    (directory / "server.pem").write_bytes(certificate("server", server_key, ca, ca_key).public_bytes(PEM))
    for name, key in [("server.key", server_key), ("tokens.key", ec.generate_private_key(ec.SECP256R1()))]:
        secret(directory / name, pem(key).decode())
    secret(directory / "reviewer", token(directory, "podshield", "authority", "-", ISSUER))


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: Optional[x509.Certificate], signer: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    """Under an issuer that of the server, without one the issuer's own."""
    now = datetime.datetime.now(datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    usage = {field: False for field in (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
        "crl_sign", "encipher_only", "decipher_only")}
    usage["key_cert_sign" if issuer is None else "digital_signature"] = True
    extensions = [
        (x509.BasicConstraints(ca=issuer is None, path_length=None), True), (x509.KeyUsage(**usage), True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False),
    ]
    if issuer is not None:
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        extensions += [(x509.SubjectAlternativeName([address]), False),
                       (x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), False)]
    builder = x509.CertificateBuilder(
        issuer_name=subject if issuer is None else issuer.subject, subject_name=subject, public_key=key.public_key(),
        serial_number=x509.random_serial_number(), not_valid_before=now - datetime.timedelta(minutes=1),
        not_valid_after=now + datetime.timedelta(days=1))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer, hashes.SHA256())


# ---- Tokens ----


def token(
    directory: Path, namespace: str, account: str, node: str, audience: str, lifetime: int = 3600,
    key: Optional[Path] = None,
) -> str:
    """What the kubelet would put into a pod of that service account on that node."""
    now = int(time.time())
    own: dict[str, Any] = {"namespace": namespace, "serviceaccount": {"name": account, "uid": f"uid-of-{account}"}}
    if node != "-":
        own |= {"pod": {"name": "podshield-x", "uid": "uid-of-pod"}, "node": {"name": node, "uid": f"uid-of-{node}"}}
    claims = {
        "iss": ISSUER, "sub": f"system:serviceaccount:{namespace}:{account}", "aud": [audience], "iat": now - 5,
        "nbf": now - 5, "exp": now + lifetime, "kubernetes.io": own,
    }
    return jwt.encode(claims, (key or directory / "tokens.key").read_text(), "ES256", headers={"kid": "cluster"})


def review(directory: Path, shown: str, audiences: list[str]) -> dict[str, Any]:
    """The status of a TokenReview, as an API server of 1.30 fills it."""
    key = serialization.load_pem_private_key((directory / "tokens.key").read_bytes(), None).public_key()
    try:
        claims = jwt.decode(shown, key, ["ES256"], audience=audiences or [ISSUER], issuer=ISSUER)
    except jwt.PyJWTError as error:
        return {"authenticated": False, "error": f"[invalid bearer token, {error}]"}
    own = claims["kubernetes.io"]
    extra = {f"authentication.kubernetes.io/{kind}-{fact}": [own[kind][fact]]
             for kind in ("pod", "node") if kind in own for fact in ("name", "uid")}
    user = {"username": claims["sub"], "uid": own["serviceaccount"]["uid"], "extra": extra,
            "groups": ["system:serviceaccounts", f"system:serviceaccounts:{own['namespace']}", "system:authenticated"]}
    return {"authenticated": True, "user": user, "audiences": [each for each in audiences if each in claims["aud"]]}


# ---- HTTPS ----


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection; the directory is the server's."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:  # noqa: N802
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        caller = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if review(self.server.directory, caller, [])["authenticated"] is not True:
            return self.answer(401, {"kind": "Status", "code": 401})
        if "authority" not in jwt.decode(caller, options={"verify_signature": False})["sub"]:
            return self.answer(403, {"kind": "Status", "code": 403})
        is_review = self.path == PATH and body["kind"] == "TokenReview"
        if not is_review or body["apiVersion"] != "authentication.k8s.io/v1":
            return self.answer(404, {"kind": "Status", "code": 404})
        body["status"] = review(self.server.directory, body["spec"]["token"], body["spec"].get("audiences", []))
        return self.answer(201, body)

    def answer(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, form: str, *arguments: Any) -> None:
        """Says what was asked, and nothing of tokens."""
        print(form % arguments, file=sys.stderr, flush=True)


def serve(directory: Path, port: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem", directory / "server.key")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.directory = directory
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_port, flush=True)
    server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, arguments in [("prepare", []), ("serve", ["port"]), ("token", ["namespace", "account", "node"])]:
        command = commands.add_parser(name)
        command.add_argument("directory", type=Path)
        for argument in arguments:
            command.add_argument(argument, type=int if argument == "port" else str)
        if name == "token":
            command.add_argument("--audience", default="podshield")
            command.add_argument("--lifetime", type=int, default=3600)
            command.add_argument("--by", type=Path)
    given = parser.parse_args()
    if given.command == "prepare":
        prepare(given.directory)
    elif given.command == "serve":
        serve(given.directory, given.port)
    else:
        print(token(
            given.directory, given.namespace, given.account, given.node, given.audience, given.lifetime, given.by))


if __name__ == "__main__":
    main()
