"""What is measured, and how a reader is told."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """`key` names it in results.json and ends with its unit."""

    key: str
    title: str
    digits: int


BETWEEN_PODS = (
    Figure("tcp_1_gbit_s", "TCP, 1 stream, Gbit/s", 2),
    Figure("tcp_4_gbit_s", "TCP, 4 streams, Gbit/s", 2),
    Figure("tcp_1_cpu_s_per_gib", "CPU seconds per GiB, 1 stream", 2),
    Figure("tcp_4_cpu_s_per_gib", "CPU seconds per GiB, 4 streams", 2),
    Figure("tcp_64_p50_us", "TCP round trip of 64 bytes, median, µs", 1),
    Figure("tcp_64_p99_us", "TCP round trip of 64 bytes, 99th percentile, µs", 1),
    Figure("udp_64_p50_us", "UDP round trip of 64 bytes, median, µs", 1),
    Figure("udp_64_p99_us", "UDP round trip of 64 bytes, 99th percentile, µs", 1),
    Figure("connections_per_s", "new TCP connections a second", 0),
    Figure("programs_mib", "memory of programs, both ends, MiB", 1),
    Figure("tables_mib", "tables in the kernel, both ends, MiB", 1),
)

RATES = (
    Figure("tls_handshakes_per_s", "TLS handshakes a second, both ends' work", 0),
    Figure("node_handshakes_per_s", "node handshakes a second, both ends' work", 0),
    Figure("svids_signed_per_s", "SVIDs signed a second, the authority's work", 0),
    Figure("jwt_svids_signed_per_s", "JWT-SVIDs signed a second, the authority's work", 0),
    Figure("svids_issued_per_s", "SVIDs issued a second, node's and authority's work", 0),
)

WORKLOADS = (
    Figure("first_svid_p50_ms", "first SVID of a new workload, from connecting on, median, ms", 1),
    Figure("first_svid_p99_ms", "the same, 99th percentile, ms", 1),
    Figure("bundle_p50_ms", "a change of the bundle has reached half of 5,000 streams, ms", 0),
    Figure("bundle_p99_ms", "99 of 100, ms", 0),
    Figure("stream_kib", "memory of the daemon for each open stream, KiB", 0),
    Figure("entry_change_p50_ms", "one of 10,000 entries is changed: at its workload, from the command on, median, ms", 0),
    Figure("entry_change_p99_ms", "the same, 99th percentile, ms", 0),
    Figure("foreign_change_cpu_ms", "CPU of the daemon for a change of another node's entry, ms", 1),
    Figure("rotation_median_per_s", "10,000 SVIDs of 120 s in the hands of workloads: renewals a second, median", 0),
    Figure("rotation_p99_per_s", "the same, 99th percentile", 0),
    Figure("rotation_p99_percent", "the 99th percentile in % of the median", 0),
    Figure("rotation_least_left_s", "seconds that an SVID in a workload's hands had left at least", 0),
    Figure("rotation_expired", "SVIDs in a workload's hands that had expired", 0),
    Figure("rotation_cpu_percent", "CPU of the daemon, of one core, %", 0),
)

WITHDRAWALS = (
    Figure("pod_removed_ms", "a pod is removed on its node (psid pod remove there)", 0),
    Figure("identity_revoked_ms", "an identity is revoked (psid revoke --spiffe-id at the authority)", 0),
    Figure("entry_revoked_ms", "an entry is revoked (psid revoke --entry at the authority)", 0),
    Figure("serial_revoked_ms", "a certificate is revoked (psid revoke --serial at the authority)", 0),
    Figure("serial_replaced_ms", "its holder is there again, by another", 0),
    Figure("serial_streamed_ms", "a process of its holder has the other, by the Workload API of its node", 0),
    Figure("node_banned_ms", "a node is banned (psid node ban at the authority)", 0),
    Figure("address_reused_ms", "a removed pod's address is another's (psid pod add on its node), quarantine included", 0),
)
