# SPDX-License-Identifier: Apache-2.0
"""Images of containers, made of this machine's busybox."""

import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path

PROGRAMS = ("sh", "sleep", "mkdir", "mount", "chroot")
DIRECTORIES = ("bin", "dev", "etc", "host", "proc", "sys", "tmp")


def write(path: Path, name: str) -> str:
    """An archive to import an image of that name from; its ID."""
    layer = _archive({"bin/busybox": Path(shutil.which("busybox")).read_bytes(), "etc/image": name.encode()}, is_root=True)
    configuration = json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/sleep", "infinity"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}}).encode()
    digest = hashlib.sha256(configuration).hexdigest()
    manifest = json.dumps([{"Config": f"{digest}.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    path.write_bytes(_archive({f"{digest}.json": configuration, "layer.tar": layer, "manifest.json": manifest}))
    return f"sha256:{digest}"


def _archive(files: dict[str, bytes], is_root: bool = False) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name in DIRECTORIES if is_root else ():
            archive.addfile(_member(name, tarfile.DIRTYPE))
        for name, content in files.items():
            member = _member(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for name in PROGRAMS if is_root else ():
            link = _member(f"bin/{name}", tarfile.SYMTYPE)
            link.linkname = "busybox"
            archive.addfile(link)
    return written.getvalue()


def _member(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode = kind, 0o755
    return member
