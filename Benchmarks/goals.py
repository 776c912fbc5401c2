"""What Podshield wants to reach: ratios within one run, and times. Nothing fails when one is missed: it is said."""

from dataclasses import dataclass
from typing import Optional, Union

from record import Record


@dataclass(frozen=True)
class Ratio:
    """The subject's median is at least, or at most, `factor` times the reference's."""

    title: str
    figure: str
    reference: str
    factor: float
    at_least: bool = False
    subject: str = "podshield"

    def measured(self, record: Record) -> Optional[float]:
        return record.ratio(self.figure, self.subject, self.reference)

    def is_met(self, measured: float) -> bool:
        return measured >= self.factor if self.at_least else measured <= self.factor

    @property
    def wanted(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.factor:.2f}"

    def text(self, measured: float) -> str:
        return f"{measured:.2f}"


@dataclass(frozen=True)
class Limit:
    """No value of Podshield's is above it."""

    title: str
    figure: str
    most: int
    unit: str = " ms"

    def measured(self, record: Record) -> Optional[float]:
        return record.worst("podshield", self.figure)

    def is_met(self, measured: float) -> bool:
        return measured <= self.most

    @property
    def wanted(self) -> str:
        return f"≤ {self.most}{self.unit}"

    def text(self, measured: float) -> str:
        return f"{measured:.0f}{self.unit}"


Goal = Union[Ratio, Limit]


ALL = (
    Ratio("TCP, 1 stream, to wireguard-go", "tcp_1_gbit_s", "wireguard-go", 2.5, at_least=True),
    Ratio("TCP, 4 streams, to wireguard-go", "tcp_4_gbit_s", "wireguard-go", 2.5, at_least=True),
    Ratio("TCP, 1 stream, to plain without offloads", "tcp_1_gbit_s", "plain-no-offloads", 1 / 3, at_least=True),
    Ratio("TCP, 4 streams, to plain without offloads", "tcp_4_gbit_s", "plain-no-offloads", 1 / 3, at_least=True),
    Ratio("TCP round trip, median, to plain without offloads", "tcp_64_p50_us", "plain-no-offloads", 1.15),
    Ratio("UDP round trip, median, to plain without offloads", "udp_64_p50_us", "plain-no-offloads", 1.15),
    Ratio("TCP round trip, median, to the Envoys", "tcp_64_p50_us", "envoy", 0.65),
    Ratio("seal 1408 bytes, bytecode to native", "seal_1408_ns", "native", 1.6, subject="bytecode"),
    Ratio("open 1408 bytes, bytecode to native", "open_1408_ns", "native", 1.6, subject="bytecode"),
    Ratio(
        "SVIDs signed, to OpenSSL alone, request to certificate", "svids_signed_per_s", "openssl-issuance", 1 / 1.5,
        at_least=True,
    ),
    Ratio(
        "SVIDs signed, to OpenSSL's signature and encoding", "svids_signed_per_s", "openssl-signature", 1 / 1.5,
        at_least=True,
    ),
    Ratio(
        "JWT-SVIDs signed, to OpenSSL's signature", "jwt_svids_signed_per_s", "openssl-signature", 1 / 1.5,
        at_least=True,
    ),
    Limit("first SVID of a new workload, 99th percentile", "first_svid_p99_ms", 50),
    Limit("a change of the bundle reaches 5,000 streams, 99th percentile", "bundle_p99_ms", 1000),
    Limit("a change of one of 10,000 entries is at its workload, 99th percentile", "entry_change_p99_ms", 100),
    Limit("expired SVIDs in workloads' hands while 10,000 rotate", "rotation_expired", 0, unit=""),
    Limit("renewals a second while 10,000 rotate, 99th percentile to the median", "rotation_p99_percent", 150, unit=" %"),
    Limit("a pod is removed: gone from another node's kernel", "pod_removed_ms", 1000),
    Limit("an identity is revoked: gone from another node's kernel", "identity_revoked_ms", 1000),
    Limit("an entry is revoked: gone from another node's kernel", "entry_revoked_ms", 1000),
    Limit("a certificate is revoked: gone from another node's kernel", "serial_revoked_ms", 1000),
    Limit("and its holder there again, by another", "serial_replaced_ms", 1000),
    Limit("which a process of its holder has", "serial_streamed_ms", 1000),
    Limit("a node is banned: gone from another node's kernel", "node_banned_ms", 1000),
)
