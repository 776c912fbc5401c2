import AdminAPI
import Configuration
import FoundationEssentials
import GRPCCore
import LinuxBinding
import PrintableText

/// Collects into a directory, each thing in a file of its own. Whatever cannot be had does not keep the rest away.
struct Sysdump {
    let session: Session
    let directory: String
    let journalLines: UInt32
    private var missing: [String] = []

    init(session: Session, directory: String, journalLines: UInt32) {
        self.session = session
        self.directory = directory
        self.journalLines = journalLines
    }

    mutating func collect() async throws {
        try await documents()
        try await put("events.jsonl") { try await $0.events() }
        try await put("findings.json") { session in
            try Console.json(DoctorDocument(await Doctor(session: session).findings(pre: false)), .prettyPrinted)
        }
        try await put("versions.json") { _ in try Console.json(VersionsDocument(), .prettyPrinted) }
        try await put("config.yaml") { session in
            PodshieldConfiguration.redacted(yaml: try Self.text(of: session.options.config))
        }
        try await put("files.txt") { try $0.fileList() }
        try await put("links.txt") { _ in try Self.links() }
        journal()
        if !missing.isEmpty { try write("missing.txt", missing.joined(separator: "\n") + "\n") }
    }

    private mutating func documents() async throws {
        try await put("status.json") { admin in
            StatusDocument(try await admin.client.status(.init(), options: Admin.options))
        }
        try await put("peers.json") { admin in
            PeersDocument(try await admin.client.peers(.init(), options: Admin.options))
        }
        try await put("pods.json") { admin in
            PodsDocument(
                pods: try await admin.client.podList(.init(), options: Admin.options).pods.map(PodDocument.init))
        }
        try await put("nodes.json") { admin in
            NodesDocument(try await admin.client.nodeList(.init(), options: Admin.options))
        }
        try await put("entries.json") { admin in
            let entries = try await admin.client.entryList(.init(), options: Admin.options).entries
            return EntriesDocument(entries: entries.map(EntryDocument.init))
        }
        try await put("datapath.json") { admin in
            DatapathDocument(try await admin.client.datapathShow(.init(), options: Admin.options))
        }
    }

    /// What the daemon says.
    private mutating func put(
        _ name: String, asking body: @Sendable (Admin) async throws -> some Encodable & Sendable
    ) async throws {
        try await put(name) { session in
            try Console.json(try await session.withAdmin(body), .prettyPrinted)
        }
    }

    /// Throws only when nothing can be written.
    private mutating func put(_ name: String, _ body: (Session) async throws -> String) async throws {
        let text: String
        do { text = try await body(session) } catch {
            missing.append("\(name): \(CommandFailure(error).message)")
            return
        }
        try write(name, text.hasSuffix("\n") ? text : text + "\n")
    }

    private func write(_ name: String, _ text: String) throws {
        try AtomicFile.write(Array(text.utf8), to: "\(directory)/\(name)", mode: 0o600)
    }

    private static func text(of path: String) throws(SystemError) -> String {
        String(decoding: try AtomicFile.read(path), as: UTF8.self)
    }

    // MARK: The machine

    private mutating func journal() {
        let status = try? ChildProcess.run(
            "/usr/bin/journalctl",
            [
                "--no-pager", "--quiet", "--output=short-iso-precise", "--lines=\(journalLines)",
                "--unit=podshield-*",
            ], output: "\(directory)/journal.txt")
        if status != 0 { missing.append("journal.txt: journalctl does not answer") }
    }

    private static func links() throws -> String {
        try RouteSocket().links().map { link in
            let state = link.isUp ? "up" : "down"
            return "\(link.index) \(link.name.printable) \(link.kind ?? "-") mtu \(link.mtu) \(state)"
        }.joined(separator: "\n")
    }
}

extension Session {
    /// The newest events that the daemon still holds, one a line.
    fileprivate func events() async throws -> String {
        var request = Podshield_Admin_V1_ObserveRequest()
        request.last = .max
        let message = request
        return try await withAdmin { admin in
            try await admin.client.observe(message, options: Admin.options) { response in
                var lines: [String] = []
                for try await event in response.messages { lines.append(try Console.json(EventDocument(event), [])) }
                return lines.joined(separator: "\n")
            }
        }
    }

    /// Names, modes and sizes of what the daemon keeps. Nothing of what is in them.
    fileprivate func fileList() throws -> String {
        let paths = try PodshieldConfiguration(path: options.config).paths
        return [paths.state, paths.run, paths.bpffs + "/podshield", paths.bpfObject].flatMap {
            Self.tree($0, depth: 6)
        }.map(Self.line).joined(separator: "\n")
    }

    /// A path and what is below it, no deeper than `depth`.
    private static func tree(_ path: String, depth: Int) -> [String] {
        guard depth > 0, let names = try? PrivateDirectory.names(in: path) else { return [path] }
        return [path] + names.sorted().flatMap { tree("\(path)/\($0)", depth: depth - 1) }
    }

    private static func line(_ path: String) -> String {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else {
            return "\(path.printable): is not there"
        }
        let mode = String(attributes[.posixPermissions] as? Int ?? 0, radix: 8)
        let owner = attributes[.ownerAccountID] as? Int ?? -1
        return "\(mode) \(owner) \(attributes[.size] as? Int ?? 0) \(path.printable)"
    }
}

/// `versions.json` of a sysdump.
private struct VersionsDocument: Encodable {
    let psid = PodshieldVersion.text
    let kernel = try? KernelRelease.current()
    let distribution = (try? AtomicFile.read("/etc/os-release")).flatMap { text in
        String(decoding: text, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("PRETTY_NAME=") }
            .map { $0.dropFirst(12).trimmingPrefix("\"").prefix { $0 != "\"" } }.map(String.init)
    }
    let time = Timestamp(unix: Int64(Date().timeIntervalSince1970))
}
