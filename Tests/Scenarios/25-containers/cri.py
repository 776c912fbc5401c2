# SPDX-License-Identifier: Apache-2.0
"""What of Kubernetes' Container Runtime Interface, version 1, pods are made by, as the kubelet makes them."""

from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from harness.messages import add_message

PACKAGE = "runtime.v1"
# NamespaceMode
OF_POD, OF_NODE = 0, 2
CALL_SECONDS = 30
SANDBOX = ("pod_sandbox_id", 1, "string")
CONTAINER = ("container_id", 1, "string")


def _of(name: str) -> str:
    return f"{PACKAGE}.{name}"


MESSAGES: dict[str, tuple[tuple[str, int, str], ...]] = {
    "NamespaceOption": (("network", 1, "int32"),),
    "PodSandboxMetadata": (("name", 1, "string"), ("uid", 2, "string"), ("namespace", 3, "string")),
    "LinuxSandboxSecurityContext": (("namespace_options", 1, _of("NamespaceOption")), ("privileged", 6, "bool")),
    "LinuxPodSandboxConfig": (("cgroup_parent", 1, "string"), ("security_context", 2, _of("LinuxSandboxSecurityContext"))),
    "PodSandboxConfig": (("metadata", 1, _of("PodSandboxMetadata")), ("linux", 8, _of("LinuxPodSandboxConfig"))),
    "RunPodSandboxRequest": (("config", 1, _of("PodSandboxConfig")),),
    "RunPodSandboxResponse": (SANDBOX,),
    "ListPodSandboxRequest": (),
    "ListPodSandboxResponse": (),
    "ImageSpec": (("image", 1, "string"),),
    "ContainerMetadata": (("name", 1, "string"),),
    "Mount": (("container_path", 1, "string"), ("host_path", 2, "string"), ("readonly", 3, "bool")),
    "LinuxContainerSecurityContext": (("privileged", 2, "bool"), ("namespace_options", 3, _of("NamespaceOption"))),
    "LinuxContainerConfig": (("security_context", 2, _of("LinuxContainerSecurityContext")),),
    "ContainerConfig": (
        ("metadata", 1, _of("ContainerMetadata")), ("image", 2, _of("ImageSpec")), ("command", 3, "*string"),
        ("mounts", 7, f"*{_of('Mount')}"), ("labels", 9, "map"), ("linux", 15, _of("LinuxContainerConfig"))),
    "CreateContainerRequest": (SANDBOX, ("config", 2, _of("ContainerConfig")), ("sandbox_config", 3, _of("PodSandboxConfig"))),
    "CreateContainerResponse": (CONTAINER,),
    "StartContainerRequest": (CONTAINER,),
    "StartContainerResponse": (),
    "ContainerStatus": (("image", 8, _of("ImageSpec")), ("image_ref", 9, "string")),
    "ContainerStatusRequest": (CONTAINER,),
    "ContainerStatusResponse": (("status", 1, _of("ContainerStatus")),),
    "ExecSyncRequest": (CONTAINER, ("cmd", 2, "*string"), ("timeout", 3, "int64")),
    "ExecSyncResponse": (("stdout", 1, "bytes"), ("stderr", 2, "bytes"), ("exit_code", 3, "int32")),
}


def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="cri.proto", package=PACKAGE, syntax="proto3")
    for name, fields in MESSAGES.items():
        add_message(file, name, *fields)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


_POOL = _pool()


def _message(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(_of(name)))


def call(socket: str, method: str, **fields: Any) -> Any:
    """What the runtime at that socket answers."""
    body = _message(f"{method}Request")(**fields).SerializeToString()
    with grpc.insecure_channel(f"unix:{socket}") as channel:
        answer = channel.unary_unary(f"/{PACKAGE}.RuntimeService/{method}")(body, timeout=CALL_SECONDS)
    return _message(f"{method}Response").FromString(answer)
