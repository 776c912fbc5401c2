import AdminAPI
import ArgumentParser
import GRPCCore
import PrintableText

struct ObserveCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "observe", abstract: "Events as they happen, until interrupted.",
        discussion: "With -o json, one document a line.")

    @OptionGroup var options: GlobalOptions

    @Option(help: ArgumentHelp("Begin with so many events of the past.", valueName: "number"))
    var last: UInt32 = 0

    @Flag(help: "Show the past only (the last 20 unless --last says otherwise).")
    var noFollow = false

    @Option(help: "Only packets that were dropped or forwarded.")
    var verdict: [VerdictWord] = []

    @Option(help: ArgumentHelp("Only packets of this reason, such as bad-tag.", valueName: "reason"))
    var reason: [String] = []

    @Option(help: ArgumentHelp("Only packets from or to this pod.", valueName: "name"))
    var pod = ""

    func run(in session: Session) async throws {
        let (request, console, isJSON) = (request, session.console, session.isJSON)
        try await session.withAdmin { admin in
            try await admin.client.observe(request, options: Admin.options(within: nil)) { response in
                for try await event in response.messages {
                    let document = EventDocument(event)
                    if isJSON { try console.print(jsonLine: document) } else { console.print(document.line(console)) }
                }
            }
        }
        if !noFollow { throw CommandFailure(.notReachable, "podshield-idd has stopped") }
    }

    private var request: Podshield_Admin_V1_ObserveRequest {
        var request = Podshield_Admin_V1_ObserveRequest()
        request.last = noFollow && last == 0 ? 20 : last
        request.follow = !noFollow
        request.verdicts = verdict.map(\.verdict)
        request.reasons = reason
        request.pod = pod
        return request
    }
}

enum VerdictWord: String, ExpressibleByArgument, CaseIterable {
    case dropped
    case forwarded

    fileprivate var verdict: Podshield_Admin_V1_Verdict {
        switch self {
        case .dropped: .dropped
        case .forwarded: .forwarded
        }
    }
}

extension EventDocument {
    fileprivate func line(_ console: Console) -> String {
        let text = "\(time) \(priority) \(code) \(message)".printable + names.printable
        guard ["emergency", "alert", "critical", "error"].contains(priority) || packet?.verdict == "dropped" else {
            return text
        }
        return console.painted(text, .bad)
    }

    /// Who the packet was from and to, as far as that is known.
    private var names: String {
        guard let packet, packet.sourceSPIFFEID != nil || packet.destinationSPIFFEID != nil else { return "" }
        return " (\(packet.sourceSPIFFEID ?? "?") to \(packet.destinationSPIFFEID ?? "?"))"
    }
}
