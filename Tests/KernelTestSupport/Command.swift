import Foundation

/// A program run to its end.
public struct Command {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// Returns what it printed; a status other than 0 throws, with what it complained of.
    @discardableResult
    public static func run(_ words: String...) throws -> String { try run(words) }

    @discardableResult
    public static func run(_ words: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(description: "\(words.joined(separator: " ")): \(text)")
        }
        return text
    }
}
