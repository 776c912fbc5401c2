import Foundation
import PrintableText

/// A file that a command is given, or what stands on standard input.
struct InputFile {
    /// For people.
    let name: String
    let contents: Data

    /// - Parameter path: `-` for standard input.
    init(_ path: String, mostBytes: Int) throws(CommandFailure) {
        name = path == "-" ? "standard input" : path
        do {
            contents =
                try path == "-" ? FileHandle.standardInput.readToEnd() ?? Data() : Data(contentsOf: URL(filePath: path))
        } catch {
            throw CommandFailure(.failure, "\(path) cannot be read".printable)
        }
        guard contents.count <= mostBytes else { throw CommandFailure(.failure, "\(name) is too long".printable) }
    }
}
