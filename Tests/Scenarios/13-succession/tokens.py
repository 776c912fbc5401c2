"""The keys that JWT-SVIDs are signed with, led on by hand."""

import time
from typing import Any

from harness.daemons import Daemon, spiffe_id
from harness.lifetime import Run
from harness.report import Report
from harness.tokens import Tokens, key_id
from harness.waiting import wait

# Longer than the notice that a key is given.
NOTICE_SECONDS = 25
AUDIENCE = "till"


class TokenKeys:
    """root, on node-b, has tokens; both nodes judge them. An ID may begin with a hyphen."""

    def __init__(self, run: Run, report: Report, a: Daemon, b: Daemon) -> None:
        self.run, self.report, self.a, self.b = run, report, a, b
        self.tokens = Tokens(AUDIENCE)

    def leaked(self) -> None:
        self.report.step("7. The key that signs tokens is in other hands")
        self.a.psid("entry", "create", "--spiffe-id", spiffe_id("teller"), "--node", "node-b", "--selector", "unix:uid:0")
        self.report.expect("root on node-b gets a token", wait(lambda: self.tokens.is_had(self.b)))
        token = self.tokens.fetch(self.b)
        leaked = key_id(token)
        self.report.expect("both nodes take it", self._takers(token) == ["node-a", "node-b"], leaked)
        self._expect_refused("its key is not revoked by mistake", "the one that signs", "revoke", "--", leaked)
        begin = time.monotonic()
        self.a.psid("authority", "jwt", "revoke", "--force", "--", leaked[:12])
        refused = wait(lambda: self._takers(token) == [])
        self.report.expect("by force it is, and no node takes the token", refused, f"{time.monotonic() - begin:.2f} s, the looking included")
        self.report.expect("the key is gone from the list", leaked not in [key["keyID"] for key in self._keys()], self._keys())
        files = sorted(path.name for path in self.run.directory.glob("node-a/state/authority/jwt-*.key"))
        self.report.expect("and from the disk", files == [f"jwt-{self._active()}.key"], files)
        self.report.expect("the next token is another key's, and taken", wait(lambda: self._is_taken_by(self._active())), self._active())
        self.report.expect("the journal says both", all(code in self.a.log for code in ("PSD2066", "PSD2019")))

    def succeeded(self) -> None:
        self.report.step("8. One key for tokens follows another")
        token = self.tokens.fetch(self.b)
        former = key_id(token)
        following = self.a.ask("authority", "jwt", "prepare")["keyID"]
        self._expect_refused("it cannot be activated at once", "wait", "activate")
        self.report.expect(
            "once every node knows of it it can", wait(lambda: self.a.refusal("authority", "jwt", "activate") is None, NOTICE_SECONDS))
        self.report.expect("it signs", self._active() == following, self._keys())
        self.report.expect("a token of before is given out while it is fresh", key_id(self.tokens.fetch(self.b)) == former, former)
        self._expect_refused("the former is not revoked untainted", "tainted first", "revoke", "--", former)
        self.a.psid("authority", "jwt", "taint", "--", former)
        self.report.expect("tainted, it is given out no more", wait(lambda: key_id(self.tokens.fetch(self.b)) == following), following)
        self.report.expect("who has one goes on with it", self._takers(token) == ["node-a", "node-b"])
        self.a.psid("authority", "jwt", "revoke", "--", former)
        self.report.expect("until the key is revoked", wait(lambda: self._takers(token) == []))

    # Parts of the steps

    def _is_taken_by(self, active: str) -> bool:
        token = self.tokens.fetch(self.b)
        return key_id(token) == active and self._takers(token) == ["node-a", "node-b"]

    def _takers(self, token: str) -> list[str]:
        return self.tokens.takers(token, (self.a, self.b))

    def _keys(self) -> list[dict[str, Any]]:
        return self.a.ask("authority", "jwt", "list")["keys"]

    def _active(self) -> str:
        return next(key["keyID"] for key in self._keys() if key["state"] == "active")

    def _expect_refused(self, what: str, because: str, *arguments: str) -> None:
        seen = self.a.refusal("authority", "jwt", *arguments) or "it was done"
        self.report.expect(what, because in seen, seen)
