internal import Crypto
internal import Glibc
internal import Identity
package import LinuxBinding
internal import PrintableText

/// Reads a backup into a directory. What it leaves there is of use only once it has returned: not before the end is it known that
/// all of it is as it was written.
package struct BackupReader {
    private let input: FileDescriptor

    package init(input: FileDescriptor) { self.input = input }

    private static let noArchive = BackupError.notABackup("it is no archive that psid has written")
    private static let cutOff = BackupError.notABackup("its end is missing")

    package func extract(
        into directory: String
    ) throws(BackupError) -> (format: BackupFormat, members: Set<BackupMember>) {
        guard let first = TarHeader(try read(TarHeader.blockBytes)) else { throw Self.noArchive }
        guard BackupMember(name: first.name) == .format else { throw .notABackup("it does not begin as one") }
        let title = try text(first, of: .format)
        guard let format = BackupFormat(title) else { throw .notABackup("it is of another version of Podshield") }
        var digests = BackupWriter.line(.format, SHA256.hash(data: Array(title.utf8)))
        var members: Set<BackupMember> = [.format]
        while let header = try header() {
            guard let member = BackupMember(name: header.name), members.insert(member).inserted,
                members.count <= BackupMember.mostKeys + 4
            else { throw .notABackup("\(header.name.quoted) does not belong into one") }
            switch member {
            case .format, .digests:
                guard try text(header, of: member) == digests else {
                    throw .notABackup("it is damaged: a digest is another")
                }
                try finish()
                return (format, members)
            case .certificate, .key, .registry:
                digests += BackupWriter.line(member, try copy(header, of: member, to: "\(directory)/\(member.name)"))
            }
        }
        throw Self.cutOff
    }

    /// Nil at the end.
    private func header() throws(BackupError) -> TarHeader? {
        let block = try read(TarHeader.blockBytes)
        if block.isEmpty { return nil }
        guard block.count == TarHeader.blockBytes else { throw Self.cutOff }
        guard let header = TarHeader(block) else { throw Self.noArchive }
        return header
    }

    private func text(_ header: TarHeader, of member: BackupMember) throws(BackupError) -> String {
        try check(header, of: member)
        let bytes = try read(header.byteCount)
        guard bytes.count == header.byteCount else { throw Self.cutOff }
        try skipPadding(header)
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .notABackup("it is damaged: no text") }
        return text
    }

    private func copy(
        _ header: TarHeader, of member: BackupMember, to path: String
    ) throws(BackupError) -> SHA256.Digest {
        try check(header, of: member)
        var hash = SHA256()
        do throws(SystemError) {
            let file = try FileDescriptor(opening: path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
            try FileTransfer.copy(header.byteCount, from: input, to: file) { hash.update(data: $0) }
            try FileTransfer.sync(file)
        } catch {
            guard error.code != ENODATA else { throw Self.cutOff }
            throw .system(error)
        }
        try skipPadding(header)
        return hash.finalize()
    }

    private func check(_ header: TarHeader, of member: BackupMember) throws(BackupError) {
        guard header.byteCount <= member.largest else { throw .notABackup("\(header.name) is too large") }
    }

    private func skipPadding(_ header: TarHeader) throws(BackupError) {
        let padding = try read(header.padding)
        guard padding.count == header.padding else { throw Self.cutOff }
        guard padding.allSatisfy({ $0 == 0 }) else {
            throw .notABackup("it is damaged: something is between its files")
        }
    }

    private func finish() throws(BackupError) {
        let rest = try read(TarHeader.end.count + 1)
        guard rest.count >= TarHeader.end.count else { throw Self.cutOff }
        guard rest == TarHeader.end else { throw .notABackup("something comes after its end") }
    }

    private func read(_ count: Int) throws(BackupError) -> [UInt8] {
        do throws(SystemError) { return try FileTransfer.read(count, from: input) } catch { throw .system(error) }
    }
}
