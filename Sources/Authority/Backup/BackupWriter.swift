internal import Crypto
internal import LinuxBinding
internal import PrintableText

/// Writes the files of a backup one after another, and their digests.
struct BackupWriter {
    private let output: FileDescriptor
    private let time: Int64
    private var digests = ""

    init(_ output: FileDescriptor, time: Int64) {
        self.output = output
        self.time = time
    }

    mutating func write(_ member: BackupMember, _ contents: [UInt8]) throws(BackupError) {
        do throws(SystemError) {
            let header = TarHeader(name: member.name, byteCount: contents.count, time: time)
            try FileTransfer.write(header.encoded + contents + Self.zeros(header.padding), to: output)
        } catch {
            throw .system(error)
        }
        note(member, SHA256.hash(data: contents))
    }

    /// A file that nobody but its owner can read.
    ///
    /// - Parameter path: by which it was opened.
    mutating func write(_ member: BackupMember, file: FileDescriptor, path: String) throws(BackupError) {
        let count: Int
        do throws(PrivateFileError) { count = try PrivateFile.check(file, path: path) } catch {
            throw .authority(.keyFile(error))
        }
        guard count <= member.largest else { throw .tooLarge(path: path) }
        var hash = SHA256()
        do throws(SystemError) {
            let header = TarHeader(name: member.name, byteCount: count, time: time)
            try FileTransfer.write(header.encoded, to: output)
            try FileTransfer.copy(count, from: file, to: output) { hash.update(data: $0) }
            try FileTransfer.write(Self.zeros(header.padding), to: output)
        } catch {
            throw .system(error)
        }
        note(member, hash.finalize())
    }

    mutating func finish() throws(BackupError) {
        try write(.digests, Array(digests.utf8))
        do throws(SystemError) { try FileTransfer.write(TarHeader.end, to: output) } catch { throw .system(error) }
    }

    private mutating func note(_ member: BackupMember, _ digest: SHA256.Digest) {
        digests += Self.line(member, digest)
    }

    static func line(_ member: BackupMember, _ digest: SHA256.Digest) -> String {
        "\(digest.hexadecimal)  \(member.name)\n"
    }

    private static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
}
