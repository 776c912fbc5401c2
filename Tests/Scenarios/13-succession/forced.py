# SPDX-License-Identifier: Apache-2.0
"""CAs that are revoked by force: one of which a single SVID is left, and one at once."""

import time

from authorities import Authorities, issuer
from handshakes import Intrusion
from harness import workloads
from harness.daemons import Daemon, spiffe_id
from harness.lifetime import Run
from harness.report import Report
from harness.topology import TwoNodes
from harness.waiting import wait
from load import Load

# A replacement counts once links between nodes have followed it.
REPLACEMENT_SECONDS = 40
# From the start of psid until who has the SVID that leaked is refused, psid and the looking included.
LIMIT_SECONDS = 5
SHUT_OUT, LET_IN = "PSD3017", "PSD3001"


class Forced:
    """Two nodes with a pod each, the authority on the first, and handshakes of somebody who has an SVID that is not his."""

    def __init__(self, run: Run, report: Report, net: TwoNodes, a: Daemon, b: Daemon) -> None:
        self.run, self.report, self.net, self.a, self.b = run, report, net, a, b
        self.authorities = Authorities(a)
        self.web, self.db = net.a.pods["web-0"], net.b.pods["db-0"]
        self.ends = ((a, "web-0"), (b, "db-0"))

    def with_one_left(self) -> None:
        self.report.step("9. A CA is revoked by force, of which one SVID that leaked is left")
        load = Load(self.run, self.net, self.ends)
        former, intrusions = self._leak("leaked")
        self.authorities.follow()
        self.a.psid("authority", "taint", former)
        left = wait(lambda: self.authorities.in_use(former) == 1, REPLACEMENT_SECONDS)
        self.report.expect("all but that one are replaced", left, self.authorities.all)
        seen = self.a.refusal("authority", "revoke", former) or "it was done"
        self.report.expect("for its sake the CA is not revoked", "1 SVIDs of CA" in seen, seen)
        self._revoke(former, intrusions)
        self.report.expect("it is gone", former not in self.authorities.fingerprints, self.authorities.fingerprints)
        load.end(self.report)

    def at_once(self) -> None:
        self.report.step("10. A CA is revoked by force at once, though all that there is hangs on it")
        former, intrusions = self._leak("leaked-again")
        self.authorities.follow()
        seen = self.a.refusal("authority", "revoke", former) or "it was done"
        self.report.expect("untainted it is not revoked without force", "tainted first" in seen, seen)
        told = len(self.a.log), len(self.b.log)
        begin = self._revoke(former, intrusions)
        back = wait(lambda: LET_IN in self.a.log[told[0]:] and self._is_of_another("web-0", self.a, former))
        self.report.expect(
            "the node in the authority's own daemon joins again by itself, and its pod is issued anew", back,
            f"{time.monotonic() - begin:.1f} s after psid was started, the looking included")
        found = wait(lambda: self.b.finding(SHUT_OUT))
        self.report.expect("node-b is shut out, and knows it", bool(found), found and f"{found['message']}: {found['remedy']}")
        self.report.expect("its pod is reached no more", not workloads.ping(self.web, self.db))
        # As the remedy says: no file of the node is touched.
        self.b.take(self.a.ask("token", "generate", "--node", "node-b"))
        self.b.stop()
        self.b.start()
        reached = wait(lambda: workloads.ping(self.web, self.db))
        self.report.expect(
            "by another token it joins again, and its pod is reached", reached,
            f"{time.monotonic() - begin:.1f} s after the CA was revoked")
        self.report.expect("the pod is issued anew", self._is_of_another("db-0", self.b, former))
        made = Intrusion(self.run, self.run.directory / "leaked-again", self.b, "db-0")
        self.report.expect("and refuses who has the SVID that leaked", wait(lambda: made.refused_at) is not None and made.made == 0)
        made.stop()

    # Parts of the steps

    def _leak(self, name: str) -> tuple[str, list[Intrusion]]:
        """The CA that signs, and who shows an SVID of it to the pods of both nodes."""
        former = next(each["fingerprint"] for each in self.authorities.all if each["state"] == "active")
        leaked = self.run.directory / name
        self.a.psid("x509", "mint", "--spiffe-id", spiffe_id("ns/shop/sa/leaked"), "--out", str(leaked))
        intrusions = [Intrusion(self.run, leaked, daemon, pod) for daemon, pod in self.ends]
        taken = wait(lambda: all(each.made for each in intrusions))
        self.report.expect("both pods take the SVID that leaked", taken, [each.made for each in intrusions])
        return former, intrusions

    def _revoke(self, fingerprint: str, intrusions: list[Intrusion]) -> float:
        """When psid was started."""
        begin = time.monotonic()
        self.a.psid("authority", "revoke", "--force", fingerprint)
        wait(lambda: all(each.refused_at for each in intrusions), LIMIT_SECONDS)
        for each in intrusions:
            self._expect_refused(each, begin)
            each.stop()
        return begin

    def _expect_refused(self, intrusion: Intrusion, begin: float) -> None:
        at = intrusion.refused_at
        seen = f"it is taken, {intrusion.made} times" if at is None else f"{(at - begin) * 1000:.0f} ms: {intrusion.reason}"
        self.report.expect(
            f"{intrusion.pod} refuses who has the SVID that leaked within {LIMIT_SECONDS} s of the start of psid",
            at is not None and 0 < at - begin < LIMIT_SECONDS, seen)

    def _is_of_another(self, pod: str, daemon: Daemon, former: str) -> bool:
        directory = self.run.directory / f"anew-{pod}"
        if daemon.refusal("issue", "--pod", pod, "--out", str(directory)) is not None:
            return False
        return issuer(directory) not in (former, None)
