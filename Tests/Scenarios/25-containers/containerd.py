# SPDX-License-Identifier: Apache-2.0
"""containerd on a node, in PID and mount namespaces of its own: it may be killed and started again, and with the run all goes that it
has made."""

import subprocess
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

import grpc

import cri
import images
from harness import commands
from harness.daemons import binaries
from harness.lifetime import Run
from harness.topology import Node
from harness.waiting import wait

START_SECONDS = 20
PAUSE = "registry.example/scenario/pause:1"
# All it says is that there is a network; who plays the CNI plugin is the scenario.
PLUGIN = """#!/bin/sh
cat >/dev/null
case "$CNI_COMMAND" in
VERSION) echo '{"cniVersion": "0.4.0", "supportedVersions": ["0.3.1", "0.4.0"]}' ;;
ADD) echo '{"cniVersion": "0.3.1", "ips": [{"version": "4", "address": "192.0.2.99/32"}]}' ;;
esac
"""


@dataclass
class Container:
    """One of a pod's. Its group is where processes of it are."""

    id: str
    name: str
    group: Path


@dataclass
class ContainerPod:
    """As CRI has it: a sandbox, and the containers in it."""

    namespace: str
    name: str
    uid: str
    sandbox: str
    configuration: dict[str, Any]
    containers: dict[str, Container] = field(default_factory=dict)


class Containerd:
    """Answers once it is made."""

    def __init__(self, run: Run, node: Node) -> None:
        self._run, self._node = run, node
        self._directory = run.directory / "containerd"
        self._directory.mkdir()
        self._unified = next(point for point, kind in _hierarchies() if kind == "cgroup2")
        self._process: Optional[subprocess.Popen] = None
        self._uids: list[str] = []
        # When all that was in them has ended.
        run.at_end(self._remove_groups)
        self._hold()
        self._configure()
        self.start()
        self.import_image(PAUSE)

    @property
    def socket(self) -> str:
        return str(self._directory / "containerd.sock")

    def _hold(self) -> None:
        """What ends with the namespaces' first process ends with the run."""
        self._holder = self._node.namespace.spawn(
            "unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc", "sleep", "infinity",
            log=(self._directory / "holder.log").open("wb"))
        self._run.at_end(commands.kill_session, self._holder)
        self._first = int(wait(lambda: _child(self._holder.pid)))

    def _configure(self) -> None:
        plugins = self._directory / "cni"
        plugins.mkdir()
        for name in ("loopback", "scenario"):
            (plugins / name).write_text(PLUGIN)
            (plugins / name).chmod(0o755)
        networks = self._directory / "net.d"
        networks.mkdir()
        (networks / "10-scenario.conflist").write_text('{"cniVersion": "0.3.1", "name": "scenario", "plugins": [{"type": "scenario"}]}')
        self._configuration = self._directory / "config.toml"
        cri_plugin = 'plugins."io.containerd.grpc.v1.cri"'
        self._configuration.write_text(f"""version = 2
root = "{self._directory / 'root'}"
state = "{self._directory / 'state'}"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "{self.socket}"
[{cri_plugin}]
  sandbox_image = "{PAUSE}"
  disable_apparmor = true
  disable_tcp_service = true
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
  netns_mounts_under_state_dir = true
[{cri_plugin}.containerd]
  snapshotter = "native"
[{cri_plugin}.cni]
  bin_dir = "{plugins}"
  conf_dir = "{networks}"
""")

    def start(self) -> None:
        self._process = self._node.namespace.spawn(
            "nsenter", f"--target={self._first}", "--pid", "--mount", "--", "containerd", "--config", str(self._configuration),
            log=(self._directory / "containerd.log").open("ab"))
        if not wait(self._answers, START_SECONDS):
            raise RuntimeError("containerd does not answer")

    def kill(self) -> None:
        """Its containers go on."""
        commands.kill_session(self._process)

    def _answers(self) -> bool:
        """Also what it has to look at first."""
        try:
            self._call("ListPodSandbox")
        except grpc.RpcError:
            return False
        return True

    def import_image(self, name: str) -> str:
        """Its ID."""
        archive = self._directory / "image.tar"
        identifier = images.write(archive, name)
        commands.run(
            "ctr", f"--address={self.socket}", "--namespace=k8s.io", "images", "import", "--snapshotter=native", str(archive))
        return identifier

    # Pods

    def run_pod(self, namespace: str, name: str, network: int = cri.OF_POD) -> ContainerPod:
        uid = str(uuid.uuid4())
        self._uids.append(uid)
        configuration = {
            "metadata": {"name": name, "namespace": namespace, "uid": uid},
            "linux": {
                "cgroup_parent": f"/{_group_of(uid)}",
                "security_context": {"privileged": True, "namespace_options": {"network": network}}},
        }
        sandbox = self._call("RunPodSandbox", config=configuration).pod_sandbox_id
        return ContainerPod(namespace, name, uid, sandbox, configuration)

    def process_of(self, pod: ContainerPod) -> int:
        """One that holds the pod's network."""
        return int((self._unified / _group_of(pod.uid) / pod.sandbox / "cgroup.procs").read_text().split()[0])

    def add_container(self, pod: ContainerPod, name: str, image: str) -> Container:
        """As the kubelet does, with this machine's files at /host, and all control groups at /groups."""
        kubelet = {"container.name": name, "pod.name": pod.name, "pod.namespace": pod.namespace, "pod.uid": pod.uid}
        options = pod.configuration["linux"]["security_context"]["namespace_options"]
        configuration = {
            "metadata": {"name": name}, "image": {"image": image}, "command": ["/bin/sleep", "infinity"],
            "mounts": [
                {"container_path": "/host", "host_path": "/", "readonly": True},
                {"container_path": "/groups", "host_path": str(self._unified)}],
            "labels": {f"io.kubernetes.{key}": value for key, value in kubelet.items()},
            "linux": {"security_context": {"privileged": True, "namespace_options": options}},
        }
        identifier = self._call(
            "CreateContainer", pod_sandbox_id=pod.sandbox, config=configuration, sandbox_config=pod.configuration).container_id
        self._call("StartContainer", container_id=identifier)
        # Programs look for their own threads there.
        self._exec(identifier, "mount -o bind /proc /host/proc")
        pod.containers[name] = Container(identifier, name, Path(_group_of(pod.uid)) / identifier)
        return pod.containers[name]

    def image_of(self, container: Container) -> tuple[str, str]:
        """As the runtime calls it, and its reference."""
        status = self._call("ContainerStatus", container_id=container.id).status
        return status.image.image, status.image_ref

    # Processes in containers

    def psid(self, container: Container, socket: Path, before: str = "true") -> str:
        """What `psid api fetch` prints in a container, after that command of a shell."""
        script = f"{before} && exec chroot /host {binaries() / 'psid'} api fetch -o json --endpoint unix://{socket}"
        return self._exec(container.id, script)

    def _exec(self, identifier: str, script: str) -> str:
        """What it prints in a container."""
        answer = self._call("ExecSync", container_id=identifier, cmd=["/bin/sh", "-c", script], timeout=20)
        return (answer.stdout + answer.stderr).decode(errors="replace")

    def inside(self, container: Container, *command: str) -> tuple[str, ...]:
        """That command as a process of the container as far as groups go, for when nobody is there to be asked for one."""
        return ("sh", "-c", 'echo $$ >"$0" && exec "$@"', str(self._unified / container.group / "cgroup.procs"), *command)

    def _remove_groups(self) -> None:
        """runc leaves those of pods to the kubelet. Those above are others' too, while they have any."""
        for root, _ in _hierarchies():
            for uid in self._uids:
                wait(lambda: _is_removed(root / _group_of(uid)))
            for path in (root / "kubepods/burstable", root / "kubepods"):
                if path.is_dir() and not any(child.is_dir() for child in path.iterdir()):
                    path.rmdir()

    def _call(self, method: str, **fields: Any) -> Any:
        return cri.call(self.socket, method, **fields)


def _group_of(uid: str) -> str:
    """Of a pod, as the kubelet has it without systemd."""
    return f"kubepods/burstable/pod{uid}"


def _child(process: int) -> Optional[str]:
    return Path(f"/proc/{process}/task/{process}/children").read_text().strip()


def _hierarchies() -> list[tuple[Path, str]]:
    """Where control groups are mounted, and of which version."""
    lines = [line.split(" - ") for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    mounts = [(Path(left.split()[4]), right.split()[0]) for left, right in lines]
    return [(point, kind) for point, kind in mounts if kind in ("cgroup", "cgroup2")]


def _is_removed(group: Path) -> bool:
    """With all in it, as soon as the last process is gone."""
    try:
        for path in sorted(group.glob("**/"), reverse=True):
            path.rmdir()
    except OSError:
        return False
    return True
