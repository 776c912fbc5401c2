import ArgumentParser
import PrintableText

struct DoctorCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Find what is wrong here, and say what to do about it.",
        discussion: """
            Looks at the configuration, the kernel, the state and the ports, and asks the daemon what it finds. Each finding \
            has a code that docs/operations.md explains. Exit status 2 when something is wrong.
            """)

    @OptionGroup var options: GlobalOptions

    @Flag(help: "Before the daemon is started: only what can be seen without it.")
    var pre = false

    func run(in session: Session) async throws {
        let document = DoctorDocument(await Doctor(session: session).findings(pre: pre))
        if session.isJSON {
            try session.console.print(json: document)
        } else {
            session.console.print(document.lines(session.console))
        }
        if !document.isSound { throw CommandFailure(.problemsFound) }
    }
}

extension DoctorDocument {
    fileprivate func lines(_ console: Console) -> [String] {
        if findings.isEmpty { return [console.painted("nothing is wrong", .good)] }
        return findings.flatMap { finding in
            let paint: Paint = finding.severity == "error" ? .bad : .doubtful
            return [
                "\(console.painted(finding.severity, paint)) \(finding.code) \(finding.message.printable)",
                "  \(finding.remedy.printable)",
            ]
        }
    }
}
