# SPDX-License-Identifier: Apache-2.0
"""What a daemon has to keep to itself, and where it would be found if it did not."""

import base64
import re
from pathlib import Path

from .canaries import Canaries, files_of, keys_below, keys_in
from .daemons import Daemon
from .lifetime import Run
from .report import Report

# Settings that name a file with a key in PEM, a text, and a key in base64.
KEY_FILE, STATE_KEY_FILE = "key-file", "state-key-file"
TEXT_FILES = ("token-file", "cluster-token-file", "pin-file", "secret-id-file")
# Not the label of a PKCS #11 token.
JOIN_TOKEN = re.compile(r"(?m)^join:\n(?: .*\n)*?  token: (\S+)")
FILE = re.compile(r'(?m)^  ([a-z-]*-file): "?([^"\n]+)"?$')


def secrets_of(configuration: Path) -> dict[str, bytes]:
    """Of the daemon with that configuration: keys below its state, and what the configuration holds or names."""
    secrets = keys_below(configuration.parent / "state")
    text = configuration.read_text(errors="replace")
    if token := JOIN_TOKEN.search(text):
        secrets["the join token"] = token[1].encode()
    for setting, file in FILE.findall(text):
        secrets |= _secrets_in(setting, Path(file))
    return secrets


def expect_kept(report: Report, run: Run, daemon: Daemon, *kinds: str) -> None:
    """None of its secrets is in what it or psid has said, nor in a dump that is made now; secrets of these kinds are among them."""
    canaries = Canaries(secrets_of(daemon.configuration_file))
    absent = [kind for kind in kinds if not any(kind in name for name in canaries.secrets)]
    missed = canaries.missed()
    archive = run.directory / f"{daemon.node.name}-dump.tar.gz"
    daemon.psid("sysdump", "--out", str(archive))
    found = _found(canaries, files_of(archive) | _said(daemon.configuration_file))
    report.expect(
        f"{daemon.node.name} keeps to itself {', '.join(kinds)}", not (absent or missed or found),
        absent or missed or found or f"{len(canaries.secrets)} secrets looked for")


def expect_all_kept(report: Report, run: Run) -> None:
    """The same of all daemons of a run that comes to its end, without a dump."""
    found = {
        path.parent.name: leaks
        for path in run.directory.glob("*/config.yaml") if (leaks := _found(Canaries(secrets_of(path)), _said(path)))
    }
    report.expect("no daemon and no psid has said a secret", not found, found or None)


def _secrets_in(setting: str, file: Path) -> dict[str, bytes]:
    if not file.exists():
        return {}
    if setting == KEY_FILE:
        return keys_in(file)
    if setting == STATE_KEY_FILE:
        return {setting: base64.b64decode(file.read_text())}
    return {setting: file.read_bytes().strip()} if setting in TEXT_FILES else {}


def _said(configuration: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in configuration.parent.glob("*.log")}


def _found(canaries: Canaries, places: dict[str, bytes]) -> dict[str, list[str]]:
    return {place: secrets for place, contents in places.items() if (secrets := canaries.found_in(contents))}
