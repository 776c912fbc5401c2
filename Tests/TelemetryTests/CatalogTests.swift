import Foundation
import KernelTestSupport
import Testing

@testable import Telemetry

/// `systemd/podshield.catalog` says something of every kind and of nothing else.
@Suite struct CatalogTests {
    private static let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "systemd/podshield.catalog").path
    private let text: String

    init() throws { text = try String(contentsOfFile: Self.path, encoding: .utf8) }

    @Test func journalctlTakesIt() throws {
        let root = try TemporaryDirectory()
        for directory in ["/usr/lib/systemd/catalog", "/var/lib/systemd/catalog"] {
            try FileManager.default.createDirectory(atPath: root.path + directory, withIntermediateDirectories: true)
        }
        try FileManager.default.copyItem(
            atPath: Self.path, toPath: root.path + "/usr/lib/systemd/catalog/podshield.catalog")
        try Command.run("journalctl", "--update-catalog", "--root=\(root.path)")
        let listed = try Command.run("journalctl", "--list-catalog", "--root=\(root.path)").split(separator: "\n")
        #expect(Set(listed.map { String($0.prefix(32)) }) == Set(EventKind.allCases.map(\.messageID)))
        #expect(listed.allSatisfy { $0.contains("Podshield: ") })
    }

    @Test(arguments: EventKind.allCases)
    func entriesNameTheirCode(_ kind: EventKind) throws {
        let entry = try #require(text.components(separatedBy: "\n-- ").first { $0.hasPrefix(kind.messageID) })
        #expect(entry.contains("\n\n\(kind.code). "))
    }

    @Test func entriesNameFieldsThatExist() {
        let named = Set(text.matches(of: #/@([A-Z_]+)@/#).map { String($0.output.1) })
        #expect(!named.isEmpty)
        #expect(named.subtracting(EventField.allCases.map(\.rawValue)) == [])
    }
}
