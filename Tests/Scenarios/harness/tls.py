# SPDX-License-Identifier: Apache-2.0
"""TLS between two workloads, in memory: by certificates as psid writes them out."""

import ssl
from pathlib import Path
from typing import Optional


def shake_hands(server: Path, client: Path, trusted: tuple[Optional[Path], Optional[Path]] = (None, None)) -> None:
    """Directories with `svid.pem`, `svid.key` and `bundle.pem`. Each end verifies the other by its own bundle, or by the file that is
    given for it. Raises what either end says."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    by_server, by_client = (roots or directory / "bundle.pem" for roots, directory in zip(trusted, (server, client)))
    ends = [
        _context(ssl.PROTOCOL_TLS_SERVER, server, by_server).wrap_bio(to_server, to_client, server_side=True),
        _context(ssl.PROTOCOL_TLS_CLIENT, client, by_client).wrap_bio(to_client, to_server),
    ]
    waiting = ends
    while waiting:
        waiting = [end for end in reversed(waiting) if not _is_through(end)]
    # A server that refuses the client says so after the client's handshake.
    for end in ends:
        try:
            end.read(1)
        except ssl.SSLWantReadError:
            pass


def _is_through(end: ssl.SSLObject) -> bool:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def _context(protocol: int, directory: Path, roots: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    # Names are SPIFFE IDs, of which this library knows nothing.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(str(roots))
    context.load_cert_chain(str(directory / "svid.pem"), str(directory / "svid.key"))
    return context
