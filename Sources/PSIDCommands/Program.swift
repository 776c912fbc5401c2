internal import ArgumentParser
public import LinuxBinding
internal import PrintableText

/// psid as a function.
public enum Program {
    /// - Parameter becomeDaemon: turns this process into podshield-idd with these arguments; comes back only by throwing.
    public static func run(
        _ arguments: [String], console: Console,
        becomeDaemon: @escaping @Sendable (_ arguments: [String]) throws(SystemError) -> Void
    ) async -> ExitStatus {
        do {
            var command = try PSID.parseAsRoot(try SPIREFlags.translated(arguments))
            guard let command = command as? any SessionCommand else {
                try command.run()
                return .success
            }
            let session = Session(options: command.options, console: console, becomeDaemon: becomeDaemon)
            return await run(command, in: session)
        } catch {
            return explain(error, console)
        }
    }

    private static func run(_ command: any SessionCommand, in session: Session) async -> ExitStatus {
        do {
            try await command.run(in: session)
            return .success
        } catch {
            let failure = CommandFailure(error)
            for line in failure.message.split(separator: "\n") { session.console.report(String(line).printable) }
            return failure.status
        }
    }

    /// Help and the version are output, complaints are not.
    private static func explain(_ error: any Error, _ console: Console) -> ExitStatus {
        let text = PSID.fullMessage(for: error)
        if PSID.exitCode(for: error).isSuccess {
            console.print(text)
            return .success
        }
        console.writeMessage(text + "\n")
        return .usage
    }
}

/// A command that does something.
protocol SessionCommand: ParsableCommand, Sendable {
    var options: GlobalOptions { get }

    func run(in session: Session) async throws
}
