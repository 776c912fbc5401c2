import Testing

@testable import PSIDCommands

/// psid hands both on to podshield-idd, which needs no daemon that runs.
@Suite struct BackupTests {
    @Test(arguments: [
        (["backup", "--out", "b.tar"], ["authority-backup", "--config", "/c.yaml", "--output=b.tar"]),
        (["backup", "--out", "-"], ["authority-backup", "--config", "/c.yaml", "--output=-"]),
        (
            ["backup", "--out=--x", "--without-keys"],
            ["authority-backup", "--config", "/c.yaml", "--output=--x", "--without-keys"]
        ),
        (["restore", "b.tar"], ["authority-restore", "--config", "/c.yaml", "--", "b.tar"]),
        (["restore", "-", "--force"], ["authority-restore", "--config", "/c.yaml", "--force", "--", "-"]),
    ])
    func theInstalledDaemonDoesIt(words: [String], passedOn: [String]) async {
        let outcome = await psid(["--config", "/c.yaml"] + words)
        #expect(outcome.becameDaemon == passedOn)
    }
}
