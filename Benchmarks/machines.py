"""Two machines of one CPU each: the scenarios' topology, with every program and packet kept on its machine's CPU."""

from harness import commands
from harness.lifetime import Run
from harness.topology import Node, Pod, TwoNodes

CLIENT_CPU, SERVER_CPU = 0, 1


class Machines:
    """A pod on either node: `client` dials, `server` answers.

    Between namespaces a packet's whole way runs on the sender's CPU. Receive packet steering at the uplinks hands it
    to the receiver's, as a wire between two machines would.
    """

    def __init__(self, run: Run, name: str) -> None:
        self.net = TwoNodes(run, f"{name}-")
        self.client = self.net.add_pod(self.net.a, "web-0", 10)
        self.server = self.net.add_pod(self.net.b, "db-0", 10)
        _pin(self.net.a, self.client, CLIENT_CPU)
        _pin(self.net.b, self.server, SERVER_CPU)

    @property
    def ends(self) -> tuple[tuple[Node, Pod], tuple[Node, Pod]]:
        return (self.net.a, self.client), (self.net.b, self.server)


def _pin(node: Node, pod: Pod, cpu: int) -> None:
    for namespace in (node.namespace, pod.namespace):
        namespace.cpu = cpu
    steering = f"/sys/class/net/{node.uplink}/queues/rx-0/rps_cpus"
    # Only `ip netns exec` shows the /sys of another network namespace.
    commands.run("ip", "netns", "exec", node.namespace.full_name, "sh", "-c", f"echo {1 << cpu:x} > {steering}")
    # Ports of closed connections are free again after a second, so that their number limits no rate.
    pod.namespace.sysctl(ipv4__tcp_tw_reuse=1)
    pod.namespace.run("sysctl", "--quiet", "net.ipv4.ip_local_port_range=16384 65535")
