import Foundation
import Preflight
import Telemetry
import Testing

/// docs/operations.md has every code, and the remedy in the words of `psid doctor`.
@Suite struct CodesTests {
    private let rows: [[String]]

    init() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "docs/operations.md"), encoding: .utf8)
        rows = text.split(separator: "\n").filter { $0.hasPrefix("| PSD") }.map { line in
            line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
        }
    }

    @Test(arguments: EventKind.allCases)
    func everyCodeIsExplained(_ kind: EventKind) throws {
        let found = rows.filter { $0[0] == kind.code }
        let row = try #require(found.count == 1 ? found[0] : nil)
        #expect(row.count == 4)
        #expect(row[1] == "`\(kind.rawValue)`")
        #expect(row[2].hasSuffix("."))
        #expect(row[3] == kind.remedy ?? "")
    }

    @Test func noCodeIsMadeUp() { #expect(rows.count == EventKind.allCases.count) }
}
