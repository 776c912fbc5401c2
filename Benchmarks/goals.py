"""What Podshield wants to reach, as ratios within one run. Nothing fails when one is missed: it is said."""

from dataclasses import dataclass
from typing import Optional

from record import Record


@dataclass(frozen=True)
class Goal:
    """The subject's median is at least, or at most, `factor` times the reference's."""

    title: str
    figure: str
    reference: str
    factor: float
    at_least: bool = False
    subject: str = "podshield"

    def ratio(self, record: Record) -> Optional[float]:
        return record.ratio(self.figure, self.subject, self.reference)

    def is_met(self, ratio: float) -> bool:
        return ratio >= self.factor if self.at_least else ratio <= self.factor

    @property
    def wanted(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.factor:.2f}"


ALL = (
    Goal("TCP, 1 stream, to wireguard-go", "tcp_1_gbit_s", "wireguard-go", 2.5, at_least=True),
    Goal("TCP, 4 streams, to wireguard-go", "tcp_4_gbit_s", "wireguard-go", 2.5, at_least=True),
    Goal("TCP, 1 stream, to plain without offloads", "tcp_1_gbit_s", "plain-no-offloads", 1 / 3, at_least=True),
    Goal("TCP, 4 streams, to plain without offloads", "tcp_4_gbit_s", "plain-no-offloads", 1 / 3, at_least=True),
    Goal("TCP round trip, median, to plain without offloads", "tcp_64_p50_us", "plain-no-offloads", 1.15),
    Goal("UDP round trip, median, to plain without offloads", "udp_64_p50_us", "plain-no-offloads", 1.15),
    Goal("TCP round trip, median, to the Envoys", "tcp_64_p50_us", "envoy", 0.65),
    Goal("seal 1408 bytes, bytecode to native", "seal_1408_ns", "native", 1.6, subject="bytecode"),
    Goal("open 1408 bytes, bytecode to native", "open_1408_ns", "native", 1.6, subject="bytecode"),
)
