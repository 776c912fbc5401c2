"""A throw-away authority for the proxies, made by the openssl command."""

from pathlib import Path as File

from harness import commands

DAYS = "2"
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
END_ENTITY = ("basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature")


class Certificates:
    """`authority`, and a certificate with its key for `client` and `server`."""

    def __init__(self, directory: File) -> None:
        directory.mkdir(mode=0o700)
        self._directory = directory
        self.authority = self.certificate("authority")
        self._make("authority", "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign")
        for name in ("client", "server"):
            self._make(name, *END_ENTITY, f"subjectAltName=URI:spiffe://bench/{name}", issuer="authority")

    def certificate(self, name: str) -> File:
        return self._directory / f"{name}.pem"

    def key(self, name: str) -> File:
        return self._directory / f"{name}.key"

    def _make(self, name: str, *extensions: str, issuer: str = "") -> None:
        issued = ("-CA", str(self.certificate(issuer)), "-CAkey", str(self.key(issuer))) if issuer else ()
        commands.run(
            "openssl", "req", "-x509", *KEY, "-subj", f"/O=Podshield benchmarks/CN={name}", "-days", DAYS, *issued,
            *(part for extension in extensions for part in ("-addext", extension)),
            "-keyout", str(self.key(name)), "-out", str(self.certificate(name)),
        )
