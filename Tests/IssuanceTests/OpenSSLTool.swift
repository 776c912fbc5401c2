import Foundation
import KernelTestSupport
import OpenSSLBinding

/// The `openssl` program: an independent reader and maker of what we make and read.
enum OpenSSLTool {
    struct Result {
        let status: Int32
        let output: String
    }

    static func run(_ arguments: [String]) throws -> Result {
        let (status, output) = try Command.finish(["/usr/bin/openssl"] + arguments)
        return Result(status: status, output: output)
    }

    /// Gives `body` a directory that is gone afterwards.
    static func withDirectory<Value>(_ body: (URL) throws -> Value) throws -> Value {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("podshield-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        return try body(directory)
    }

    /// DER of a request made by `openssl req`, with everything in it that a requester might want.
    static func request(_ arguments: [String]) throws -> [UInt8] {
        try withDirectory { directory in
            let file = directory.appendingPathComponent("request.der").path
            let key = directory.appendingPathComponent("key.pem").path
            let result = try run(
                ["req", "-new", "-nodes", "-outform", "DER", "-out", file, "-keyout", key] + arguments)
            guard result.status == 0 else { throw Failure(output: result.output) }
            return try Array(Data(contentsOf: URL(fileURLWithPath: file)))
        }
    }

    /// By RSA in the old way (RFC 8017 section 8.2) and with SHA-256, as requests are signed.
    static func signature(over message: [UInt8], by key: PrivateKey) throws -> [UInt8] {
        try withDirectory { directory in
            let files = ["key.pem", "message", "signature"].map { directory.appendingPathComponent($0) }
            try Data(unsafe key.pkcs8PEM().withUnsafeBytes { unsafe Array($0) }).write(to: files[0])
            try Data(message).write(to: files[1])
            let paths = files.map(\.path)
            let result = try run(["dgst", "-sha256", "-sign", paths[0], "-out", paths[2], paths[1]])
            guard result.status == 0 else { throw Failure(output: result.output) }
            return try Array(Data(contentsOf: files[2]))
        }
    }

    struct Failure: Error {
        let output: String
    }
}
