"""Configuration files of the scenarios' daemons."""

from typing import Any, Optional

from . import commands
from .daemons import BPF_OBJECT, ESP_PORT, TRUST_DOMAIN, binaries
from .lifetime import Run
from .topology import Node, TwoNodes


def standalone_configuration(run: Run, net: TwoNodes) -> str:
    """node-a: authority and node in one."""
    return _common("standalone", net.protected) + _node(net.a) + _below(run, net.a)


def node_configuration(run: Run, net: TwoNodes, token: dict[str, Any], node: Optional[Node] = None) -> str:
    """A node, node-b unless another is named, which joins with what `psid token generate` printed."""
    node = node or net.b
    return joining_configuration(run, net, token, node, f"token: {token['token']}")


def joining_configuration(run: Run, net: TwoNodes, authority: dict[str, Any], node: Node, *credential: str) -> str:
    """A node that joins the authority of that invitation by these lines of the section `join`."""
    lines = "".join(f"  {line}\n" for line in credential)
    join = f"""
join:
  authority: "{authority['authorityAddress']}"
  root-fingerprint: {authority['rootFingerprint']}
{lines}"""
    return _common("node", net.protected) + _node(node) + join + _below(run, node)


def authority_configuration(run: Run, net: TwoNodes, machine: Node) -> str:
    """The authority alone, on a machine that has no pods."""
    listen = f"""
authority:
  listen: "{machine.address}"
"""
    return _common("authority", net.protected) + listen + _places(run, machine)


def single_machine_configuration() -> str:
    """An installed service, at the places of the installation."""
    return _common("standalone", TwoNodes.protected) + """
node:
  name: node-a
  address: 192.0.2.11
"""


def joining_by_tpm_configuration(device: str) -> str:
    """An installed node whose authority nobody is."""
    return _common("node", TwoNodes.protected) + f"""
node:
  name: node-a
  address: 192.0.2.11
join:
  authority: 192.0.2.99:7601
  root-fingerprint: {'0f' * 32}
  tpm: device:{device}
"""


def _common(role: str, protected: tuple[str, ...]) -> str:
    prefixes = ", ".join(f'"{prefix}"' for prefix in protected)
    return f"""role: {role}
trust-domain: {TRUST_DOMAIN}
protected: [{prefixes}]
log-level: debug
"""


def _node(node: Node) -> str:
    return f"""
node:
  name: {node.name}
  address: "{node.address}"
  esp-port: {ESP_PORT}
"""


def _below(run: Run, node: Node) -> str:
    helper = f"""
netns-helper:
  executable: {binaries(node) / "podshield-netns"}
"""
    kernel = f"""  bpffs: {_bpffs(run, node)}
  bpf-object: {BPF_OBJECT}
"""
    return helper + _places(run, node) + kernel


def _places(run: Run, node: Node) -> str:
    """Everything that the daemon keeps or opens lies below the run's directory."""
    base = run.directory / node.name
    return f"""
instance: {run.prefix}{node.name}
paths:
  state: {base / "state"}
  run: {base / "run"}
"""


def _bpffs(run: Run, node: Node) -> str:
    """A place for pins that goes with the run."""
    path = run.directory / f"{node.name}-bpf"
    path.mkdir()
    commands.run("mount", "-t", "bpf", "bpf", str(path))
    run.at_end(commands.run, "umount", "--lazy", str(path))
    return str(path)
