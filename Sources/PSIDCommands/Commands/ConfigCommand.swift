import ArgumentParser
import Configuration

struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "The daemon's configuration.", subcommands: [ConfigValidateCommand.self])
}

struct ConfigValidateCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Say everything that is wrong with the configuration file.",
        discussion: "Exit status 78 when something is. Asks no daemon.")

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Another file than --config says.")
    var file: String?

    func run(in session: Session) async throws {
        let path = file ?? options.config
        do throws(ConfigurationError) {
            _ = try PodshieldConfiguration(path: path)
        } catch {
            if session.isJSON { try session.console.print(json: ValidationDocument(path, error.problems)) }
            throw session.isJSON ? CommandFailure(CommandFailure(error).status) : CommandFailure(error)
        }
        if session.isJSON {
            try session.console.print(json: ValidationDocument(path, []))
        } else {
            session.console.print("\(path): good")
        }
    }
}

/// `psid config validate -o json`.
struct ValidationDocument: Encodable {
    let file: String
    let valid: Bool
    let problems: [Problem]

    struct Problem: Encodable {
        let line: Int?
        let column: Int?
        let message: String
    }

    fileprivate init(_ file: String, _ problems: [ConfigurationProblem]) {
        self.file = file
        valid = problems.isEmpty
        self.problems = problems.map { problem in
            Problem(line: problem.position?.line, column: problem.position?.column, message: problem.message)
        }
    }
}
