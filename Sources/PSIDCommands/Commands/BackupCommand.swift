import ArgumentParser

struct BackupCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Write the authority's state to one file, also while it runs.",
        discussion: """
            Registry, certificate and keys of one moment, as a tar archive that only its owner can read: who has it is the \
            authority. podshield-idd is started for this alone.
            """)

    @OptionGroup var options: GlobalOptions

    @Option(
        help: ArgumentHelp(
            "The file, which is there whole or not at all; - for standard output.", valueName: "file"))
    var out: String

    @Flag(help: "Leave the keys out: there are copies of them elsewhere.")
    var withoutKeys = false

    func run(in session: Session) async throws {
        try session.becomeDaemon(
            ["authority-backup", "--config", options.config, "--output=\(out)"]
                + (withoutKeys ? ["--without-keys"] : []))
    }
}

struct RestoreCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Put a backup in the place of the authority's state.",
        discussion: """
            The daemon must not run. The backup is read and opened in full first: what is there stays as it is unless all of it \
            is well. What was revoked or banned after the backup was made has to be again.
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(help: ArgumentHelp("What psid backup has written; - for standard input.", valueName: "file"))
    var source: String

    @Flag(help: "Also where there is an authority, whose state is put aside.")
    var force = false

    func run(in session: Session) async throws {
        try session.becomeDaemon(
            ["authority-restore", "--config", options.config] + (force ? ["--force"] : []) + ["--", source])
    }
}
