# SPDX-License-Identifier: Apache-2.0
"""`psid sysdump` holds no secret: every key and token there is, looked for in every form that it could have."""

import json
import re

from box import Box

from harness import commands
from harness.canaries import DISGUISES, Canaries, files_of, keys_below
from harness.daemons import Daemon

# The maps in the kernel that hold keys, and where in a record (bpf/abi).
KEY_MAPS = {"ps_sa_in": slice(16, 48), "ps_sa_out": slice(24, 56)}
WANTED = {
    "status.json", "peers.json", "pods.json", "datapath.json", "config.yaml", "versions.json", "findings.json",
    "events.jsonl", "files.txt",
}


def secrets_of(box: Box, daemon: Daemon) -> dict[str, bytes]:
    """Of a node while it runs: those on disk, in its configuration and in the kernel."""
    node = daemon.configuration_file.parent
    secrets = keys_below(node / "state")
    for line in daemon.configuration_file.read_text().splitlines():
        if match := re.match(r"\s*token: (\S+)", line):
            secrets["the join token"] = match[1].encode()
    pins = box.run.directory / f"{node.name}-bpf" / "podshield"
    for path in sorted(pins.rglob("maps/*")):
        if path.name in KEY_MAPS:
            for entry in json.loads(commands.run("bpftool", "-j", "map", "dump", "pinned", str(path))):
                value = bytes(int(byte, 16) for byte in entry["value"])
                if any(value):
                    secrets[f"slot {entry['key'][0]} of {path.name}"] = value[KEY_MAPS[path.name]]
    return secrets


def dump(box: Box, daemon: Daemon) -> dict[str, bytes]:
    """The files of a sysdump, by name."""
    archive = box.run.directory / f"{daemon.node.name}-dump.tar.gz"
    status, output, messages = box.psid("sysdump", "--out", str(archive), of=daemon)
    if status != 0 or output.strip() != str(archive):
        raise RuntimeError(f"psid sysdump: {status}, {output}{messages}")
    return files_of(archive)


def play(box: Box, daemons: tuple[Daemon, ...]) -> None:
    box.report.step("15. A dump for other eyes")
    for daemon in daemons:
        name = daemon.node.name
        canaries = Canaries(secrets_of(box, daemon))
        kinds = ("key in ca.key", "key in node.pem", "join token", "ps_sa_in", "ps_sa_out")
        there = [kind for kind in kinds if any(kind in secret for secret in canaries.secrets)]
        box.report.expect(f"{name} has secrets to look for", len(there) >= 4, f"{len(canaries.secrets)}: {', '.join(there)}")
        missed = canaries.missed()
        box.report.expect("the search finds each in every form", not missed, ", ".join(missed or DISGUISES))
        files = dump(box, daemon)
        box.report.expect("the dump has what is needed", WANTED <= files.keys(), ", ".join(sorted(files)))
        found = {file: secrets for file, contents in files.items() if (secrets := canaries.found_in(contents))}
        box.report.expect("and none of the secrets", not found, found or f"{sum(map(len, files.values()))} bytes searched")
