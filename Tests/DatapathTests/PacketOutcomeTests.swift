import CPodshieldABI
import Datapath
import Foundation
import Testing

@Suite struct PacketOutcomeTests {
    /// `PS_R_…` and `PS_HOOK_…` with their numbers, as the header says.
    private func constants(_ prefix: String) throws -> [(name: String, value: UInt32)] {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let header = try String(contentsOfFile: "/\(root)/bpf/abi/podshield_abi.h", encoding: .utf8)
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
