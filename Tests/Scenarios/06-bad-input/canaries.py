# SPDX-License-Identifier: Apache-2.0
"""Neither `psid sysdump` nor what daemons and psid have said holds a secret: every key and token there is, looked for in every form that
it could have."""

import json

from box import Box

from harness import commands
from harness.canaries import DISGUISES, Canaries, files_of
from harness.daemons import Daemon, spiffe_id
from harness.secrecy import secrets_of

# The maps in the kernel that hold keys, and where in a record (bpf/abi).
KEY_MAPS = {"ps_sa_in": slice(16, 48), "ps_sa_out": slice(24, 56)}
WANTED = {
    "status.json", "peers.json", "pods.json", "datapath.json", "config.yaml", "versions.json", "findings.json",
    "events.jsonl", "files.txt",
}


def keys_in_kernel(box: Box, daemon: Daemon) -> dict[str, bytes]:
    secrets = {}
    pins = box.run.directory / f"{daemon.node.name}-bpf" / "podshield"
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
        jwt = daemon.psid("jwt", "mint", "--spiffe-id", spiffe_id("canary"), "--audience", "till").strip() if daemon is box.daemon else ""
        token = {"a JWT-SVID": jwt.encode()}
        canaries = Canaries(secrets_of(daemon.configuration_file) | keys_in_kernel(box, daemon) | token)
        kinds = ("key in node.pem", "ps_sa_in", "ps_sa_out", *(("key in ca.key", "JWT-SVID") if jwt else ("join token",)))
        absent = [kind for kind in kinds if not any(kind in secret for secret in canaries.secrets)]
        box.report.expect(f"{name} has secrets to look for: {', '.join(kinds)}", not absent, absent or f"{len(canaries.secrets)} in all")
        missed = canaries.missed()
        box.report.expect("the search finds each in every form", not missed, ", ".join(missed or DISGUISES))
        files = dump(box, daemon)
        box.report.expect("the dump has what is needed", WANTED <= files.keys(), ", ".join(sorted(files)))
        files |= {path.name: path.read_bytes() for path in daemon.configuration_file.parent.glob("*.log")}
        box.report.expect("the logs have been said", {"podshield-idd.log", "refused.log", "psid.log"} <= files.keys())
        found = {file: secrets for file, contents in files.items() if (secrets := canaries.found_in(contents))}
        box.report.expect(
            "none of the secrets is in it, nor in any of them", not found, found or f"{sum(map(len, files.values()))} bytes searched")
