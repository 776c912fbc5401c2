# SPDX-License-Identifier: Apache-2.0
"""Requests to a running daemon that make no sense or cannot be granted."""

import re
from dataclasses import dataclass

from box import Box

USAGE, FAILURE, NOT_FOUND, DENIED, NOT_REACHABLE = 64, 1, 3, 4, 5
# No byte that steers a terminal may come out.
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]")
ESCAPE = "\x1b[31m"


@dataclass(frozen=True)
class Request:
    name: str
    status: int
    # Of the one line behind "psid: ".
    line: str
    arguments: tuple[str, ...]


def refused(box: Box, request: Request) -> None:
    words = [argument.replace("DAEMON", str(box.daemon.process_id)) for argument in request.arguments]
    status, output, messages = box.psid(*words)
    lines = messages.splitlines()
    holds = (
        status == request.status and output == "" and len(lines) == 1
        and re.fullmatch(f"psid: {request.line}", lines[0]) and not CONTROL.search(messages.rstrip("\n"))
    )
    box.report.expect(f"{request.name}: status {request.status}", bool(holds), f"{status}, {output}{'; '.join(lines)}")


def _pod(name: str, netns: str, *more: str) -> tuple[str, ...]:
    return ("pod", "add", name, "--namespace", "shop", "--netns", netns, *more)


REQUESTS = (
    Request("a namespace that is not there", FAILURE, r".*pod shop/ghost.*/run/netns/nowhere.*",
            _pod("ghost", "/run/netns/nowhere")),
    Request("a process that is not there", FAILURE, r".*pod shop/ghost.*/proc/4194304/ns/net.*",
            _pod("ghost", "/proc/4194304/ns/net")),
    Request("a path that may not name one", FAILURE, r".*'?/etc/passwd'?.*", _pod("ghost", "/etc/passwd")),
    Request("the host's own namespace", FAILURE, r".*pod shop/ghost.*own.*", _pod("ghost", "/proc/DAEMON/ns/net")),
    Request("a pod's name with control characters", FAILURE, r"'a\\u\{1B\}\[31m' is no name.*",
            _pod(f"a{ESCAPE}", "/run/netns/nowhere")),
    Request("a label with control characters", FAILURE, r".*\\u\{1B\}.*",
            _pod("ghost", "/run/netns/nowhere", "--label", f"a{ESCAPE}=b")),
    Request("a path with control characters", FAILURE, r".*\\u\{1B\}.*", _pod("ghost", f"/run/netns/{ESCAPE}")),
    Request("a pod that nobody knows", NOT_FOUND, r"there is no pod web-1; did you mean web-0\?", ("pod", "remove", "web-1")),
    Request("a pod of control characters", NOT_FOUND, r"there is no pod .*\\u\{1B\}.*", ("pod", "remove", ESCAPE)),
    Request("an SVID of a pod that nobody knows", NOT_FOUND, r"there is no pod web-1.*", ("issue", "--pod", "web-1")),
    Request("a node of control characters", FAILURE, r".*\\n.*", ("token", "generate", "--node", "x\ny")),
    Request("a SPIFFE ID of control characters", FAILURE, r".*\\u\{1B\}.*",
            ("entry", "create", "--spiffe-id", f"spiffe://example.org/{ESCAPE}", "--pod", "x")),
    Request("another trust domain", FAILURE, r".*spiffe://other/x.*",
            ("entry", "create", "--spiffe-id", "spiffe://other/x", "--pod", "x")),
    Request("an entry that nobody knows", NOT_FOUND, r"there is no entry.*", ("entry", "delete", "nonsense")),
    Request("a peer that nobody knows", NOT_FOUND, r".*node-x.*", ("peers", "rekey", "node-x")),
    Request("a directory that others can write to", FAILURE, r".*/tmp.*", ("issue", "--pod", "web-0", "--out", "/tmp")),
)
