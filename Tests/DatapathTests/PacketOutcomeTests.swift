import CPodshieldABI
import Datapath
import Foundation
import Testing

@Suite struct PacketOutcomeTests {
    private func text(_ path: String) throws -> String {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        return try String(contentsOfFile: "/\(root)/\(path)", encoding: .utf8)
    }

    /// `PS_R_…` and `PS_HOOK_…` with their numbers, as the header says.
    private func constants(_ prefix: String) throws -> [(name: String, value: UInt32)] {
        let header = try text("bpf/abi/podshield_abi.h")
        return header.matches(
            of: try Regex("\\b\(prefix)([A-Z_0-9]+) = (\\d+),", as: (Substring, Substring, Substring).self)
        )
        .map { ($0.output.1.lowercased().replacing("_", with: "-"), UInt32($0.output.2)!) }
        .filter { $0.name != "none" && $0.name != "count" }
    }

    @Test func everyReasonHasItsName() throws {
        let reasons = try constants("PS_R_")
        #expect(reasons.count == PacketOutcome.allCases.count)
        for (name, value) in reasons {
            let outcome = try #require(PacketOutcome(rawValue: value), "\(name)")
            #expect(outcome.name == name)
            #expect(outcome.isDrop == (value >= PS_R_SPOOFED_SOURCE.rawValue))
        }
    }

    /// In the two tables of operations.md, each in its own and in order.
    @Test func everyReasonIsExplained() throws {
        let section = try #require(try text("docs/operations.md").split(separator: "## What became of a packet").last)
        let tables = section.split(separator: "\n| dropped |")
        #expect(tables.count == 2)
        for (table, areDrops) in zip(tables, [false, true]) {
            let rows = table.prefix { $0 != "#" }.matches(of: #/\n\| `([a-z-]+)` \| [^|]+\. \| /#)
            #expect(
                rows.map(\.output.1) == PacketOutcome.allCases.filter { $0.isDrop == areDrops }.map { $0.name[...] })
        }
    }

    @Test func everyHookHasItsName() throws {
        for (name, value) in try constants("PS_HOOK_") {
            #expect(DatapathHook(rawValue: value)?.name == name.replacing("-", with: "_"))
        }
        #expect(DatapathHook.allCases.count == 4)
    }

    @Test func outcomesAreCodedByName() throws {
        let text = try JSONEncoder().encode([PacketOutcome.unknownSPI])
        #expect(String(decoding: text, as: UTF8.self) == #"["unknown-spi"]"#)
        #expect(try JSONDecoder().decode([PacketOutcome].self, from: text) == [.unknownSPI])
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([PacketOutcome].self, from: Data(#"["x"]"#.utf8))
        }
    }
}
