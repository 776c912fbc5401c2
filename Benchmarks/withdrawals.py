"""How soon a peer's kernel has let go of what was taken away: from the start of psid until the map of node-a, which
every packet to the pod is looked up in, has the pod no more. As a program, in nodes of its own, it prints figures."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path as File
from typing import Callable, Iterator

HERE = File(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Tests/Scenarios"))

from harness import commands
from harness.configuration import node_configuration, standalone_configuration
from harness.daemons import Daemon, spiffe_id
from harness.kernel_map import Holders
from harness.lifetime import Run
from harness.topology import Pod, TwoNodes
from record import Record

REPETITIONS = 3
WAIT_SECONDS = 20
TIME_LIMIT_SECONDS = 120


def measure(record: Record) -> None:
    output = commands.run(sys.executable, __file__, timeout=TIME_LIMIT_SECONDS)
    for figure, value in (line.split() for line in output.splitlines()):
        record.add("podshield", {figure: float(value)})


class Withdrawals:
    """node-a, which is the authority as well, watches; node-b has pods that come and go."""

    def __init__(self, run: Run) -> None:
        self._net = TwoNodes(run)
        self._a = Daemon(run, self._net.a, standalone_configuration(run, self._net))
        self._a.start()
        token = self._a.ask("token", "generate", "--node", self._net.b.name)
        self._b = Daemon(run, self._net.b, node_configuration(run, self._net, token))
        self._b.start()
        web = self._net.add_pod(self._net.a, "web-0", 10)
        self._register("web", self._net.a.name)
        self._a.add_pod(web, "web", "web")
        self._holders = Holders(run, self._net.a)
        self._made = 0

    def figures(self) -> Iterator[tuple[str, float]]:
        for _ in range(REPETITIONS):
            pod = self._add_pod()
            yield "pod_removed_ms", self._time(pod, lambda: self._b.psid("pod", "remove", pod.name))
        pod = self._add_pod()
        yield "node_banned_ms", self._time(pod, lambda: self._a.psid("node", "ban", self._net.b.name))

    def _add_pod(self) -> Pod:
        """A pod that node-a's kernel knows. No address comes twice."""
        self._made += 1
        name = f"db-{self._made}"
        self._register(name, self._net.b.name)
        pod = self._net.add_pod(self._net.b, name, 10 + self._made)
        self._b.add_pod(pod, name, name)
        self._wait(lambda: self._is_known(pod), f"{name} is known")
        return pod

    def _register(self, account: str, node: str) -> None:
        self._a.psid(
            "entry", "create", "--spiffe-id", spiffe_id(f"ns/shop/sa/{account}"), "--node", node,
            "--label", f"app={account}",
        )

    def _time(self, pod: Pod, action: Callable[[], object]) -> float:
        """Milliseconds from the action's begin until the kernel of node-a has forgotten the pod."""
        with ThreadPoolExecutor(max_workers=1) as executor:
            begin = time.monotonic()
            end = executor.submit(self._wait, lambda: not self._is_known(pod), f"{pod.name} is forgotten")
            action()
            return (end.result() - begin) * 1000

    def _is_known(self, pod: Pod) -> bool:
        return self._holders.holder(pod.v4) is not None

    def _wait(self, condition: Callable[[], bool], what: str) -> float:
        """The moment at which the condition has come true."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not after {WAIT_SECONDS} s: {what}")
            time.sleep(0.001)
        return time.monotonic()


if __name__ == "__main__":
    with Run() as run:
        for figure, value in Withdrawals(run).figures():
            print(f"{figure} {value:.1f}")
