import Glibc

/// Bytes from one open file to another, secrets perhaps among them: what they pass through is wiped.
public enum FileTransfer {
    private static let largestChunk = 65536

    /// Copies exactly so many bytes from where the files stand. `ENODATA` when there are not as many.
    ///
    /// - Parameter seen: is shown all of them, in pieces that it must not keep.
    public static func copy(
        _ count: Int, from source: FileDescriptor, to target: FileDescriptor, seen: (ArraySlice<UInt8>) -> Void
    ) throws(SystemError) {
        var chunk = [UInt8](repeating: 0, count: min(count, largestChunk))
        defer { wipe(&chunk) }
        var left = count
        while left > 0 {
            let wanted = min(left, chunk.count)
            let got = try calling("read") { unsafe Glibc.read(source.raw, &chunk, wanted) }
            guard got > 0 else { throw SystemError(operation: "read", code: ENODATA) }
            seen(chunk[..<got])
            try write(chunk, count: got, to: target)
            left -= got
        }
    }

    public static func write(_ bytes: [UInt8], to target: FileDescriptor) throws(SystemError) {
        try write(bytes, count: bytes.count, to: target)
    }

    /// The next bytes; fewer at the end of the file.
    public static func read(_ count: Int, from source: FileDescriptor) throws(SystemError) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            var chunk = [UInt8](repeating: 0, count: min(count - bytes.count, largestChunk))
            let got = try calling("read") { unsafe Glibc.read(source.raw, &chunk, chunk.count) }
            guard got > 0 else { break }
            bytes += chunk[..<got]
        }
        return bytes
    }

    /// C: `fsync`.
    public static func sync(_ file: FileDescriptor) throws(SystemError) { try calling("fsync") { fsync(file.raw) } }

    private static func write(_ bytes: [UInt8], count: Int, to target: FileDescriptor) throws(SystemError) {
        var written = 0
        while written < count {
            written += try calling("write") {
                unsafe bytes.withUnsafeBytes {
                    unsafe Glibc.write(target.raw, $0.baseAddress! + written, count - written)
                }
            }
        }
    }

    private static func wipe(_ bytes: inout [UInt8]) {
        unsafe bytes.withUnsafeMutableBytes { memory in
            if let start = memory.baseAddress { unsafe explicit_bzero(start, memory.count) }
        }
    }
}
