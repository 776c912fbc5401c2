import Authority
internal import Crypto
import FoundationEssentials
import Glibc
import LinuxBinding
internal import PrintableText

/// An archive, as it is or ended with the digests of what it holds. One that is accepted leaves what it says under the names of a
/// backup, and says what it is in one way only.
func fuzzBackup(_ input: [UInt8]) {
    guard let mode = input.first else { return }
    let archive = Array(input.dropFirst())
    let place = Place()
    if let format = String(validating: archive, as: UTF8.self).flatMap(BackupFormat.init) {
        precondition(Array(format.text.utf8) == archive)
    }
    let whole = mode % 2 == 0 ? archive : ended(archive)
    guard let (_, members) = place.extract(whole) else { return }
    let names = place.extractedNames
    let written = members.subtracting([.format, .digests])
    precondition(members.isSuperset(of: [.format, .digests]) && Set(names) == Set(written.map(\.name)))
    precondition(names.allSatisfy { !$0.contains("/") && !$0.hasPrefix(".") })
    precondition(place.extract(whole + [0]) == nil && place.extract(whole.dropLast()) == nil, "another is the same")
}

/// The files of an archive up to the first that is none, then their digests and the end.
private func ended(_ archive: [UInt8]) -> [UInt8] {
    var whole: [UInt8] = []
    var digests = ""
    var rest = archive[...]
    while let header = TarHeader(Array(rest.prefix(TarHeader.blockBytes))) {
        let length = TarHeader.blockBytes + header.byteCount + header.padding
        guard header.name != "SHA256SUMS", rest.count >= length else { break }
        let contents = rest.dropFirst(TarHeader.blockBytes).prefix(header.byteCount)
        digests += "\(SHA256.hash(data: Array(contents)).hexadecimal)  \(header.name)\n"
        whole += rest.prefix(length)
        rest = rest.dropFirst(length)
    }
    let header = TarHeader(name: "SHA256SUMS", byteCount: digests.utf8.count, time: 0)
    return whole + header.encoded + Array(digests.utf8) + [UInt8](repeating: 0, count: header.padding) + TarHeader.end
}

/// In memory, and gone with its owner.
private final class Place {
    private let path = "/dev/shm/podshield-fuzz-backup-\(getpid())"
    private var archive: String { path + "/archive" }
    private var directory: String { path + "/extracted" }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func extract(_ bytes: [UInt8]) -> (format: BackupFormat, members: Set<BackupMember>)? {
        try? FileManager.default.removeItem(atPath: path)
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            let output = try FileDescriptor(opening: archive, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
            try FileTransfer.write(bytes, to: output)
        } catch {
            preconditionFailure("\(error)")
        }
        guard let input = try? FileDescriptor(opening: archive) else { preconditionFailure("no archive") }
        return try? BackupReader(input: input).extract(into: directory)
    }

    var extractedNames: [String] { (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] }
}
