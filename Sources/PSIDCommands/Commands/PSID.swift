import AdminAPI
import ArgumentParser

struct PSID: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "psid", abstract: "Look at and operate Podshield on this machine.",
        discussion: """
            Exit status: 0 well, 1 failed, 2 problems found, 3 not found, 4 denied, 5 daemon not reachable, 6 timed out, \
            64 usage, 78 configuration.
            """,
        version: PodshieldVersion.text,
        subcommands: [
            StatusCommand.self, DoctorCommand.self, PeersCommand.self, ObserveCommand.self, PodCommand.self,
            IssueCommand.self, EntryCommand.self, JWTCommand.self, X509Command.self, TokenCommand.self,
            NodeCommand.self, AuthorityCommand.self, FederationCommand.self, BundleCommand.self, RevokeCommand.self,
            APICommand.self, DatapathCommand.self,
            ConfigCommand.self,
            BackupCommand.self, RestoreCommand.self, SysdumpCommand.self,
        ])

    @OptionGroup var options: GlobalOptions
}
