# SPDX-License-Identifier: Apache-2.0
"""Containers of one pod get identities of their own: see README.md beside this file."""

import json
import sys
import time
from pathlib import Path
from typing import Any, Optional

sys.path.insert(0, str(Path(__file__).resolve().parent))

import cri  # noqa: E402
from containerd import Container, Containerd  # noqa: E402
from harness import commands  # noqa: E402
from harness.configuration import standalone_configuration  # noqa: E402
from harness.daemons import Daemon, binaries, spiffe_id  # noqa: E402
from harness.lifetime import Run  # noqa: E402
from harness.report import Report  # noqa: E402
from harness.svid_stream import CLIENT, PYTHON  # noqa: E402
from harness.topology import TwoNodes  # noqa: E402
from harness.waiting import wait  # noqa: E402

TITLE = "Containers of one pod get identities of their own, by what the container runtime says"

WEB_IMAGE, PROXY_IMAGE = "registry.example:5000/shop/web:1", "registry.example:5000/shop/proxy:1"
# Its user has no name on this machine.
USER = 54_025
PATIENCE_SECONDS = 15
# Longer than between two enquiries.
RETURN_SECONDS = 30
AWAY, BACK = "PSD7011", "PSD7012"


def play(run: Run, report: Report) -> None:
    containers = Containers(run, report)
    containers.begin()
    containers.by_name()
    containers.by_image()
    containers.imitation()
    containers.other_pods()
    containers.runtime_away()
    containers.runtime_back()


class Containers:
    """A node with containerd, and a pod of two containers."""

    def __init__(self, run: Run, report: Report) -> None:
        self.run, self.report = run, report
        # Another user has to come by.
        run.directory.chmod(0o711)
        self.net = TwoNodes(run)
        self.runtime = Containerd(run, self.net.a)
        self.images = {image: self.runtime.import_image(image) for image in (WEB_IMAGE, PROXY_IMAGE)}
        configuration = standalone_configuration(run, self.net)
        configuration = configuration.replace("node:\n", f"node:\n  container-runtime: {self.runtime.socket}\n", 1)
        self.daemon = Daemon(run, self.net.a, configuration)

    def begin(self) -> None:
        self.report.step("1. All containers of a pod have the pod's identity")
        self.daemon.start()
        self.pod = self.runtime.run_pod("shop", "web-0")
        self.web = self.runtime.add_container(self.pod, "web", WEB_IMAGE)
        self.proxy = self.runtime.add_container(self.pod, "proxy", PROXY_IMAGE)
        self._register("pod", "--namespace", "shop")
        self.place = self.net.add_pod(self.net.a, "web-0", 10, self.runtime.process_of(self.pod))
        self.daemon.psid(
            "pod", "add", "web-0", "--namespace", "shop", "--service-account", "web", "--label", "app=web", "--uid", self.pod.uid,
            "--netns", str(self.place.namespace.path))
        for container in (self.web, self.proxy):
            self._expect(container, "pod")
        self.report.expect("nobody has asked the runtime, which no entry wants", AWAY not in self.daemon.log)

    def by_name(self) -> None:
        self.report.step("2. By their names each has another one, too")
        for name in ("web", "proxy"):
            self._register(f"of-{name}", "--namespace", "shop", "--selector", f"k8s:container-name:{name}")
        self._register("of-nobody", "--namespace", "bank", "--selector", "k8s:container-name:web")
        self._register("user", "--selector", f"unix:uid:{USER}")
        self._expect(self.web, "of-web", "pod")
        self._expect(self.proxy, "of-proxy", "pod")
        self._expect_user()

    def by_image(self) -> None:
        self.report.step("3. By their images, as the runtime calls them, and by their IDs")
        for container, image in ((self.web, WEB_IMAGE), (self.proxy, PROXY_IMAGE)):
            said = self.runtime.image_of(container)
            self.report.expect(f"the runtime says the image of {container.name}", said == (image, self.images[image]), said)
        entries = [
            self._register("by-image", "--selector", f"k8s:container-image:{WEB_IMAGE}"),
            self._register("by-id", "--namespace", "shop", "--selector", f"k8s:container-image:{self.images[PROXY_IMAGE]}")]
        self._expect(self.web, "by-image", "of-web", "pod")
        self._expect(self.proxy, "by-id", "of-proxy", "pod")
        for entry in entries:
            self.daemon.psid("entry", "delete", entry)
        self._expect(self.web, "of-web", "pod")

    def imitation(self) -> None:
        self.report.step("4. A container that makes a control group called as another's")
        for name in (self.proxy.id, f"cri-containerd-{self.proxy.id}.scope"):
            group = f"/groups/{self.web.group}/{name}"
            said = self._psid(self.web, f"mkdir {group} && echo $$ >{group}/cgroup.procs")
            self.report.expect("stays itself", _names(said) == ["of-web", "pod"], _names(said) or said)

    def other_pods(self) -> None:
        self.report.step("5. Containers of that name in pods that the node was not told of, on the host's network too")
        self.others = [self.runtime.run_pod("bank", "other-0"), self.runtime.run_pod("bank", "other-1", network=cri.OF_NODE)]
        self.strangers = [self.runtime.add_container(pod, "proxy", PROXY_IMAGE) for pod in self.others]
        for pod, container in zip(self.others, self.strangers):
            said = self._psid(container)
            self.report.expect(f"{pod.name} has nothing that is said of a pod", "no identity is registered" in said, said)
        entry = self._register("any-proxy", "--selector", "k8s:container-name:proxy")
        for container in self.strangers:
            self._expect(container, "any-proxy")
        self._expect(self.proxy, "any-proxy", "of-proxy", "pod")
        self._expect(self.web, "of-web", "pod")
        self.daemon.psid("entry", "delete", entry)

    def runtime_away(self) -> None:
        self.report.step("6. The runtime is killed; its containers go on")
        self._register("of-late", "--namespace", "shop", "--selector", "k8s:container-name:late")
        self._register("of-stranger", "--selector", "k8s:container-name:stranger")
        self.late = self.runtime.add_container(self.pod, "late", WEB_IMAGE)
        self.stranger = self.runtime.add_container(self.others[1], "stranger", WEB_IMAGE)
        self.runtime.kill()
        self._expect_inside(self.web, "of-web", "pod")
        self.report.expect("what it said before needs nobody to say it", AWAY not in self.daemon.log)
        self.stream = self._stream(self.late)
        seen = wait(lambda: self.stream.read_text().count("svids"), PATIENCE_SECONDS)
        self.report.expect("a container that it never spoke of has the pod's alone", self._told() == [["pod"]] and seen, self._told())
        said = self._psid_inside(self.stranger)
        self.report.expect("one that has nothing else is told to try again", "not known yet" in said, said)
        self._expect_user()
        lines = [line for line in self.daemon.log.splitlines() if AWAY in line]
        self.report.expect(f"{AWAY} says so, once", len(lines) == 1 and self.runtime.socket in lines[0], lines)

    def runtime_back(self) -> None:
        self.report.step("7. It is there again")
        self.runtime.start()
        begun = time.monotonic()
        back = wait(lambda: BACK in self.daemon.log, RETURN_SECONDS)
        self.report.expect(f"{BACK} says so", bool(back), f"{time.monotonic() - begun:.1f} s")
        heard = wait(lambda: self._told()[-1:] == [["of-late", "pod"]], PATIENCE_SECONDS)
        self.report.expect("the stream that was open hears of it", bool(heard), self._told())
        self._expect(self.late, "of-late", "pod")
        self._expect(self.stranger, "of-stranger")

    # Parts of the steps

    def _register(self, name: str, *selectors: str) -> str:
        return self.daemon.ask("entry", "create", "--spiffe-id", spiffe_id(name), *selectors)["id"]

    def _expect(self, container: Container, *names: str) -> None:
        """That `psid api` in the container comes to show these."""
        seen: list[str] = []

        def holds() -> bool:
            seen.append(self._psid(container))
            return _names(seen[-1]) == sorted(names)

        self.report.expect(f"{container.name} has {', '.join(names)}", wait(holds, PATIENCE_SECONDS), _names(seen[-1]) or seen[-1])

    def _expect_inside(self, container: Container, *names: str) -> None:
        said = self._psid_inside(container)
        self.report.expect(f"{container.name} has {', '.join(names)}", _names(said) == sorted(names), _names(said) or said)

    def _expect_user(self) -> None:
        names = _names(self.daemon.api("fetch", "-o", "json", user=USER))
        self.report.expect("a user of the host has its own", names == ["user"], names)

    def _psid(self, container: Container, before: str = "true") -> str:
        return self.runtime.psid(container, self.daemon.workload_socket, before)

    def _psid_inside(self, container: Container) -> str:
        """Likewise without the runtime's help: in the container's group and its network."""
        network = self.place.namespace if container.id in {each.id for each in self.pod.containers.values()} else self.net.a.namespace
        command = (
            str(binaries() / "psid"), "api", "fetch", "-o", "json", "--endpoint", f"unix://{self.daemon.workload_socket}")
        try:
            return network.run(*self.runtime.inside(container, *command))
        except commands.CommandFailed as failure:
            return failure.output

    def _stream(self, container: Container) -> Path:
        """A client that goes on listening, and where it writes what it is told."""
        log = self.run.directory / "stream.log"
        command = (str(PYTHON), str(CLIENT), str(self.daemon.workload_socket), "0", "secured")
        process = self.place.namespace.spawn(*self.runtime.inside(container, *command), log=log.open("wb"))
        self.run.at_end(commands.kill_session, process)
        return log

    def _told(self) -> list[list[str]]:
        lines = [json.loads(line) for line in self.stream.read_text().splitlines() if line.startswith("{")]
        return [sorted(svid["id"].rsplit("/", 1)[1] for svid in line["svids"]) for line in lines if "svids" in line]


def _names(said: str) -> Optional[list[str]]:
    """Of the identities in what psid printed; nothing where it printed none."""
    try:
        found: Any = json.loads(said)
    except json.JSONDecodeError:
        return None
    return sorted(svid["spiffeID"].rsplit("/", 1)[1] for svid in found["svids"])
