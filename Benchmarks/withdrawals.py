"""How soon a peer's kernel has let go of what was taken away: from the start of psid until the map of node-a, which
every packet to the pod is looked up in, has the pod no more, or has another holder of its address. Whose certificate was taken back
is there again soon, by another, which is timed, too. The authority is a third machine: what it decides reaches both nodes by the wire.
As a program, in nodes of its own, it prints figures."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path as File
from typing import Callable, Iterator

HERE = File(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Tests/Scenarios"))

from harness import commands
from harness.configuration import authority_configuration, node_configuration
from harness.daemons import Daemon, spiffe_id
from harness.kernel_map import Holders
from harness.lifetime import Run
from harness.svid_stream import SVIDStream
from harness.topology import Node, Pod, TwoNodes
from record import Record

REPETITIONS = 3
WAIT_SECONDS = 20
# A node that is about to have another certificate is without one for some milliseconds.
SHORT_PAUSE_SECONDS = 0.0002
TIME_LIMIT_SECONDS = 120


def measure(record: Record) -> None:
    output = commands.run(sys.executable, __file__, timeout=TIME_LIMIT_SECONDS)
    for figure, value in (line.split() for line in output.splitlines()):
        record.add("podshield", {figure: float(value)})


class Withdrawals:
    """node-a watches; node-b has pods that come and go; the authority is on a machine of its own."""

    def __init__(self, run: Run) -> None:
        self._run, self._net = run, TwoNodes(run)
        machine = self._net.add_node("authority", 3)
        self._authority = Daemon(run, machine, authority_configuration(run, self._net, machine))
        self._authority.start()
        self._a, self._b = self._node(self._net.a), self._node(self._net.b)
        web = self._net.add_pod(self._net.a, "web-0", 10)
        self._register("web", self._net.a.name)
        self._a.add_pod(web, "web", "web")
        self._holders = Holders(run, self._net.a)
        self._made = 0

    def figures(self) -> Iterator[tuple[str, float]]:
        for _ in range(REPETITIONS):
            pod, _ = self._add_pod()
            yield "pod_removed_ms", self._time_end(pod, lambda: self._b.psid("pod", "remove", pod.name))
            yield "address_reused_ms", self._time_reuse(pod)
            pod, entry = self._add_pod()
            yield "identity_revoked_ms", self._time_end(pod, lambda: self._revoke("--spiffe-id", account_id(pod.name)))
            pod, entry = self._add_pod()
            yield "entry_revoked_ms", self._time_end(pod, lambda: self._revoke("--entry", entry))
            pod, _ = self._add_pod()
            yield from self._time_replacement(pod)
        pod, _ = self._add_pod()
        yield "node_banned_ms", self._time_end(pod, lambda: self._authority.psid("node", "ban", self._net.b.name))

    def _node(self, node: Node) -> Daemon:
        token = self._authority.ask("token", "generate", "--node", node.name)
        daemon = Daemon(self._run, node, node_configuration(self._run, self._net, token, node))
        daemon.start()
        return daemon

    def _revoke(self, option: str, name: str) -> None:
        self._authority.psid("revoke", option, name)

    def _add_pod(self) -> tuple[Pod, str]:
        """A pod that node-a's kernel knows, and its entry. No address comes twice."""
        self._made += 1
        name = f"db-{self._made}"
        entry = self._register(name, self._net.b.name)
        pod = self._net.add_pod(self._net.b, name, 10 + self._made)
        self._b.add_pod(pod, name, name)
        self._wait(lambda: self._holders.holder(pod.v4) is not None, f"{name} is known")
        return pod, entry

    def _register(self, account: str, node: str) -> str:
        created = self._authority.ask(
            "entry", "create", "--spiffe-id", account_id(account), "--node", node, "--label", f"app={account}",
        )
        return created["id"]

    def _time_end(self, pod: Pod, action: Callable[[], object]) -> float:
        """Until the kernel of node-a sends nothing to the pod."""
        return self._time(action, lambda: self._holders.holder(pod.v4) is None, f"{pod.name} is forgotten")

    def _time_replacement(self, pod: Pod) -> Iterator[tuple[str, float]]:
        """From the revocation of its certificate until the kernel of node-a sends nothing to the pod, and until it does again, because the
        pod's node has proved to have another; and until a process in the pod has that."""
        stream = SVIDStream(self._run, pod.namespace, self._b.workload_socket).once_told()
        serial = self._b.ask("issue", "--pod", pod.name)["serial"]
        with self._holders.history(pod.v4, SHORT_PAUSE_SECONDS) as held:
            begin = time.monotonic_ns()
            self._revoke("--serial", serial)
            self._wait(lambda: len(held) == 3, f"{pod.name} is forgotten and known again")
        told = stream.wait(lambda told: any(int(svid["serial"], 16) != int(serial, 16) for svid in told.get("svids", [])))
        stream.end()
        if not told:
            raise TimeoutError(f"{pod.name} is told of no other certificate: {stream.told}")
        _, gone, back = (change.at for change in held)
        yield "serial_revoked_ms", (gone - begin) / 1e6
        yield "serial_replaced_ms", (back - begin) / 1e6
        yield "serial_streamed_ms", (told["at"] - begin) / 1e6

    def _time_reuse(self, former: Pod) -> float:
        """From the addition of another workload at the address of one that was removed, until node-a sends to it."""
        self._net.remove_interface(self._net.b, former)
        name = f"{former.name}-next"
        self._register(name, self._net.b.name)
        pod = self._net.add_pod(self._net.b, name, 10 + self._made)
        return self._time(
            lambda: self._b.add_pod(pod, name, name), lambda: self._holders.holder(pod.v4) is not None, f"{name} is known")

    def _time(self, action: Callable[[], object], condition: Callable[[], bool], what: str) -> float:
        """Milliseconds from the action's begin until the condition has come true."""
        with ThreadPoolExecutor(max_workers=1) as executor:
            begin = time.monotonic()
            end = executor.submit(self._wait, condition, what)
            action()
            return (end.result() - begin) * 1000

    def _wait(self, condition: Callable[[], bool], what: str) -> float:
        """The moment at which the condition has come true."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not after {WAIT_SECONDS} s: {what}")
            time.sleep(0.001)
        return time.monotonic()


def account_id(account: str) -> str:
    return spiffe_id(f"ns/shop/sa/{account}")


if __name__ == "__main__":
    with Run() as run:
        for figure, value in Withdrawals(run).figures():
            print(f"{figure} {value:.1f}")
