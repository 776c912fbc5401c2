import AdminAPI
import ArgumentParser

struct DatapathCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "datapath", abstract: "What is in the kernel.",
        subcommands: [DatapathShowCommand.self, DatapathUninstallCommand.self])
}

struct DatapathShowCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Programs, counters, security associations, maps. Never a key.")

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let document = try await session.withAdmin { admin in
            DatapathDocument(try await admin.client.datapathShow(.init(), options: Admin.options))
        }
        if session.isJSON { try session.console.print(json: document) } else { session.console.print(document.lines) }
    }
}

struct DatapathUninstallCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "uninstall", abstract: "Take everything out of the kernel: pods' packets are plain again.",
        discussion: "Works without the daemon too: then podshield-idd is started for this alone.")

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        do {
            let removed = try await session.withAdmin { admin in
                try await admin.client.datapathUninstall(.init(), options: Admin.options).removed
            }
            if session.isJSON { return try session.console.print(json: UninstallDocument(removed: removed)) }
            session.console.print("the datapath is uninstalled: \(removed.count) attachments and pins removed")
        } catch {
            let failure = CommandFailure(error)
            guard failure.status == .notReachable else { throw failure }
            try session.becomeDaemon(["datapath-uninstall", "--config", options.config])
        }
    }
}

/// `psid datapath uninstall -o json`.
struct UninstallDocument: Encodable {
    let removed: [String]
}
