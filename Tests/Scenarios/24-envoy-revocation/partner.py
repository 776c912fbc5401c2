# SPDX-License-Identifier: Apache-2.0
"""A trust domain that has a root and one workload, and no revocation list."""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
          "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")


def make(trust_domain: str, directory: Path) -> None:
    """Leaves `bundle.pem`, and `svid.pem` with its `svid.key`, in a new directory."""
    directory.mkdir()
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, trust_domain)])
    constraints = x509.BasicConstraints(ca=True, path_length=0)
    root = (_certificate(f"spiffe://{trust_domain}", root_key, name, "key_cert_sign", "crl_sign").subject_name(name)
            .add_extension(constraints, critical=True).sign(root_key, SHA256()))
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    leaf = (_certificate(f"spiffe://{trust_domain}/web", key, name, "digital_signature").subject_name(x509.Name([]))
            .add_extension(authority, critical=False).sign(root_key, SHA256()))
    for file, certificate in (("bundle.pem", root), ("svid.pem", leaf)):
        (directory / file).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "svid.key").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def _certificate(
    identity: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Name, *usages: str
) -> x509.CertificateBuilder:
    now, day = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(days=1)
    return (
        x509.CertificateBuilder().issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)]), critical=True)
        .add_extension(x509.KeyUsage(**{usage: usage in usages for usage in USAGES}), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
