import ArgumentParser
import FoundationEssentials
import LinuxBinding
import PrintableText

struct SysdumpCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "sysdump", abstract: "Collect what somebody needs who is to help, and no secret.",
        discussion: """
            Status, peers, pods, nodes, entries, what the kernel holds, the last events, the journal, findings, versions, and \
            the configuration without its token. Never a key or token. What cannot be had is named in missing.txt.
            """)

    @OptionGroup var options: GlobalOptions

    @Option(
        help: ArgumentHelp(
            "The archive; podshield-sysdump-TIME.tar.gz here unless it is given. Nothing may be there yet.",
            valueName: "file"))
    var out: String?

    @Option(help: ArgumentHelp("Leave a directory instead of an archive.", valueName: "directory"))
    var directory: String?

    @Option(help: ArgumentHelp("Lines of the journal.", valueName: "number"))
    var journal: UInt32 = 5000

    func validate() throws {
        guard out == nil || directory == nil else { throw ValidationError("--out or --directory, not both") }
    }

    func run(in session: Session) async throws {
        let name = "podshield-sysdump-\(Self.stamp())"
        let path = directory ?? "\(out.map(Self.parent) ?? ".")/\(name)"
        try makeDirectory(path)
        do {
            var dump = Sysdump(session: session, directory: path, journalLines: journal)
            try await dump.collect()
            let result = directory ?? out ?? "\(name).tar.gz"
            if directory == nil { try pack(path, to: result) }
            session.console.print(result.printable)
        } catch {
            if directory == nil { try? FileManager.default.removeItem(atPath: path) }
            throw error
        }
    }

    private static func stamp() -> String {
        let style = Date.ISO8601FormatStyle(dateSeparator: .omitted, timeSeparator: .omitted)
        return Date().formatted(style)
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private func makeDirectory(_ path: String) throws {
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    private func pack(_ path: String, to archive: String) throws {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let status = try ChildProcess.run(
            "/usr/bin/tar", ["--create", "--gzip", "--directory", Self.parent(of: path), name], output: archive)
        guard status == 0 else {
            try? FileManager.default.removeItem(atPath: archive)
            throw CommandFailure(.failure, "\(archive) could not be written")
        }
        try FileManager.default.removeItem(atPath: path)
    }
}
