import AdminAPI
import ArgumentParser
import PrintableText

struct StatusCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Whether the daemon works, and what is wrong if it does not.",
        discussion: """
            Exit status 2 when it is not ready or something keeps it from its work. SPIRE's healthcheck is this one, too.
            """, aliases: ["healthcheck"])

    @OptionGroup var options: GlobalOptions

    @Flag(help: "Wait until it is ready.")
    var wait = false

    @Option(help: ArgumentHelp("Seconds to wait at most.", valueName: "seconds"))
    var timeout = 60

    @Flag(help: "One line.")
    var brief = false

    func validate() throws {
        guard timeout > 0 else { throw ValidationError("--timeout must be at least 1 second") }
    }

    func run(in session: Session) async throws {
        let status = try await wait ? waitUntilReady(session) : Self.ask(session)
        if session.isJSON {
            try session.console.print(json: status)
        } else {
            session.console.print(brief ? [status.verdict(session.console)] : status.lines(session.console))
        }
        if !status.isSound { throw CommandFailure(.problemsFound) }
    }

    private static func ask(_ session: Session) async throws -> StatusDocument {
        try await session.withAdmin { admin in
            StatusDocument(try await admin.client.status(.init(), options: Admin.options(within: .seconds(10))))
        }
    }

    /// A daemon that is not there yet is waited for as well.
    private func waitUntilReady(_ session: Session) async throws -> StatusDocument {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(timeout)
        var why = ""
        repeat {
            do {
                let status = try await Self.ask(session)
                if status.ready { return status }
                why = status.findings.first?.message ?? "it is not ready"
            } catch {
                let failure = CommandFailure(error)
                guard failure.status == .notReachable || failure.status == .timedOut else { throw failure }
                why = failure.message
            }
            try await Task.sleep(for: .milliseconds(200))
        } while clock.now < end
        throw CommandFailure(.timedOut, "not ready after \(timeout) seconds: \(why)")
    }
}

extension StatusDocument {
    fileprivate func verdict(_ console: Console) -> String {
        let why = findings.first { $0.severity == "error" }.map { ": \($0.message.printable)" } ?? ""
        return state(console) + (isSound ? "" : why)
    }

    fileprivate func lines(_ console: Console) -> [String] {
        let head = "podshield-idd \(version), \(role) of \(trustDomain), instance \(instance)".printable
        let findings = findings.map { finding in
            let paint: Paint = finding.severity == "error" ? .bad : .doubtful
            return "  \(console.painted(finding.severity, paint)) \(finding.code) \(finding.message.printable)"
        }
        let sheets = [node?.sheet, authority?.sheet, datapath?.sheet].compactMap(\.self)
        return ["\(head): \(state(console))"] + findings + sheets.flatMap { [""] + $0.lines }
    }

    private func state(_ console: Console) -> String {
        if isSound { return console.painted("ready", .good) }
        return console.painted(ready ? "impaired" : "not ready", .bad)
    }
}

extension StatusDocument.Node {
    fileprivate var sheet: Sheet {
        var sheet = Sheet()
        sheet.add("node", spiffeID ?? "has no valid SVID, has to join again")
        sheet.add("address", "\(address), link \(linkPort), ESP \(espPort)")
        sheet.add("SVID until", svidNotAfter?.description)
        sheet.add("authority", authority)
        sheet.add("directory", "revision \(directoryRevision)")
        sheet.add("pods", "\(pods)")
        sheet.add("peers", "\(peersConnected) of \(peers) connected")
        return sheet
    }

    private var authority: String? {
        guard let authorityAddress else { return nil }
        if authorityConnected { return "\(authorityAddress), connected" }
        let last = authorityLastContact.map { "last contact \($0)" } ?? "never reached"
        return "\(authorityAddress), not connected, \(last)"
    }
}

extension StatusDocument.Authority {
    fileprivate var sheet: Sheet {
        var sheet = Sheet()
        sheet.add("authority", spiffeID)
        sheet.add("listens on", listenAddress)
        sheet.add("root", rootFingerprint)
        sheet.add("CA until", caNotAfter?.description)
        sheet.add("entries", "\(entries)")
        sheet.add("nodes", "\(nodes)")
        sheet.add("directory", "revision \(directoryRevision)")
        return sheet
    }
}

extension StatusDocument.Datapath {
    fileprivate var sheet: Sheet {
        var sheet = Sheet()
        sheet.add("datapath", (attachment ?? "not attached") + (permissive ? ", permissive" : ""))
        sheet.add("uplinks", uplinks.joined(separator: ", "))
        sheet.add("protected", protected.joined(separator: ", "))
        sheet.add("packets", "\(packetsSealed) sealed, \(packetsOpened) opened, \(packetsDropped) dropped")
        sheet.add("events lost", eventsLost.known.map { "\($0)" })
        return sheet
    }
}
