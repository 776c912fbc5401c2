import Configuration
import Foundation
import Testing

/// The example and the documentation have every key, and no default but the true one.
@Suite struct DocumentationTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private let example: String
    private let documentation: String

    init() throws {
        example = try String(contentsOf: Self.root.appending(path: "systemd/config.yaml"), encoding: .utf8)
        documentation = try String(contentsOf: Self.root.appending(path: "docs/configuration.md"), encoding: .utf8)
    }

    /// The keys with their values, those of comments too.
    private var exampleValues: [String: String] {
        var section = ""
        var values: [String: String] = [:]
        for line in example.split(separator: "\n") {
            if let match = line.wholeMatch(of: #/#? ?([a-z0-9-]+):/#) { section = "\(match.output.1)." }
            guard let match = line.wholeMatch(of: #/( *)(?:# )?([a-z-]+): ?(\S.*?|)(?: {2,}.*)?/#) else { continue }
            let key = match.output.1.isEmpty ? "\(match.output.2)" : "\(section)\(match.output.2)"
            if ConfigurationKey(rawValue: key) != nil { values[key] = "\(match.output.3)" }
        }
        return values
    }

    private var documentedDefaults: [String: String] {
        let rows = documentation.matches(of: #/(?m)^\| `([a-z0-9.-]+)` \| (.*?) \|/#)
        return Dictionary(rows.map { ("\($0.output.1)", "\($0.output.2)") }, uniquingKeysWith: { _, new in new })
    }

    @Test func theExampleIsAccepted() throws {
        _ = try PodshieldConfiguration(yaml: example, file: "config.yaml")
    }

    @Test func everyKeyIsShown() {
        #expect(Set(exampleValues.keys) == Set(ConfigurationKey.allCases.map(\.rawValue)))
    }

    @Test func everyKeyIsDocumented() {
        #expect(Set(documentedDefaults.keys) == Set(ConfigurationKey.allCases.map(\.rawValue)))
    }

    @Test(arguments: ConfigurationKey.allCases)
    func whatReloadsSaysSo(_ key: ConfigurationKey) throws {
        let row = try #require(documentation.split(separator: "\n").first { $0.hasPrefix("| `\(key.rawValue)` |") })
        #expect(row.contains("*reload.*") == key.isReloadable)
    }

    /// With each default of a comment made explicit, it is the same configuration.
    @Test func commentedDefaultsAreTheDefaults() throws {
        var isOptional = false
        let explicit = example.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            if line.wholeMatch(of: #/#? ?[a-z0-9-]+:/#) != nil { isOptional = line.hasPrefix("#") }
            guard !isOptional, let match = line.wholeMatch(of: #/( *)# ([a-z-]+): (\S.*?)(?: {2,}.*)?/#),
                ConfigurationKey.allCases.contains(where: { $0.name == match.output.2 }),
                ![
                    "container-runtime", "executable", "jwt-issuer", "key-credential", "state-key-credential",
                    "state-key-file",
                ].contains(match.output.2)
            else { return String(line) }
            return "\(match.output.1)\(match.output.2): \(match.output.3)"
        }.joined(separator: "\n")
        #expect(explicit.contains("\n  preconnect: true\n"))
        #expect(
            try PodshieldConfiguration(yaml: explicit, file: "explicit")
                == PodshieldConfiguration(yaml: example, file: "example"))
    }

    /// Where the documentation names a value, the example does not name another.
    @Test func documentationAndExampleAgree() {
        let example = exampleValues
        for (key, value) in documentedDefaults {
            guard let literal = value.wholeMatch(of: #/`(.*)`/#)?.output.1, literal != "node.address" else { continue }
            #expect(example[key] == String(literal), "\(key)")
        }
    }
}
