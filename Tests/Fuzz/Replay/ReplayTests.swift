import Foundation
import FuzzTargets
import KernelTestSupport
import Testing

/// Where the search begins and all that it has ever found, without a fuzzer. A broken promise ends the whole process.
@Suite struct ReplayTests {
    private static let fuzz = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    private static let findings = fuzz.appending(path: "findings").path

    @Test func seedsAreSurvived() throws {
        let seeds = try TemporaryDirectory()
        let python = Self.fuzz.appending(path: "../../.build-venv/bin/python").path
        try Command.run(python, Self.fuzz.appending(path: "seeds").path, seeds.path)
        #expect(try Set(Self.names(in: seeds.path)) == Set(FuzzTarget.allCases.map(\.rawValue)))
        for target in FuzzTarget.allCases {
            #expect(try Self.run(target, in: "\(seeds.path)/\(target.rawValue)") > 0)
        }
    }

    @Test(arguments: try names(in: findings))
    func findingsAreSurvived(_ folder: String) throws {
        let target = try #require(FuzzTarget(rawValue: folder), "findings of no target")
        #expect(try Self.run(target, in: "\(Self.findings)/\(folder)") > 0)
    }

    /// How many there were.
    private static func run(_ target: FuzzTarget, in folder: String) throws -> Int {
        let names = try names(in: folder)
        for name in names {
            target.run(Array(try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))))
        }
        return names.count
    }

    private static func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }
}
