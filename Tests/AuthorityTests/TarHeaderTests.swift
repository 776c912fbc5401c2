import Foundation
import KernelTestSupport
import LinuxBinding
import Testing

@testable import Authority

/// Archives that everybody's `tar` reads, and of which only our own are read.
@Suite struct TarHeaderTests {
    @Test(arguments: [0, 1, 511, 512, 513, TarHeader.largestFile]) func whatIsWrittenIsRead(byteCount: Int) throws {
        let header = TarHeader(name: "jwt-abc.key", byteCount: byteCount, time: start)
        #expect(TarHeader(header.encoded) == header && (byteCount + header.padding) % 512 == 0)
    }

    /// One bit that is another is another header, or none.
    @Test func nothingElseIsRead() {
        let header = TarHeader(name: "ca.key", byteCount: 100, time: start)
        for bit in 0..<(8 * TarHeader.blockBytes) {
            var block = header.encoded
            block[bit / 8] ^= 1 << (bit % 8)
            #expect(TarHeader(block) == nil)
        }
        #expect(
            TarHeader([UInt8](repeating: 0, count: 512)) == nil && TarHeader(Array(header.encoded.dropLast())) == nil)
    }

    @Test func tarAndSha256sumReadIt() throws {
        let directory = try TemporaryDirectory()
        let archive = directory.path + "/backup.tar"
        let output = try FileDescriptor(opening: archive, O_WRONLY | O_CREAT, mode: 0o600)
        let key = directory.path + "/ca.key"
        try AtomicFile.write([UInt8](repeating: 65, count: 70_000), to: key, mode: 0o600)
        var writer = BackupWriter(output, time: start)
        try writer.write(.format, Array("format\n".utf8))
        try writer.write(.key("ca.key"), file: FileDescriptor(opening: key), path: key)
        try writer.finish()
        try FileManager.default.createDirectory(atPath: directory.path + "/out", withIntermediateDirectories: false)
        try Command.run("tar", "-xf", archive, "-C", directory.path + "/out")
        #expect(try Command.run("tar", "-tf", archive).split(separator: "\n") == ["FORMAT", "ca.key", "SHA256SUMS"])
        #expect(try AtomicFile.read(directory.path + "/out/ca.key") == AtomicFile.read(key))
        try Command.run("sh", "-c", "cd \(directory.path)/out && sha256sum --check --strict SHA256SUMS")
    }

    @Test(arguments: [
        "ca.key", "ca-0af.key", "jwt-A_-9.key", "ca.pem", "authority.sqlite", "FORMAT", "SHA256SUMS",
    ]) func filesOfABackup(name: String) { #expect(BackupMember(name: name)?.name == name) }

    @Test(arguments: [
        "", ".key", "../ca.key", "ca-/x.key", "ca-.key", "jwt-.key", "jwt-\u{0}.key", "other.key", "ca.key.new-1",
        "authority.sqlite-wal", "lock", "jwt-" + String(repeating: "a", count: 100) + ".key",
    ]) func nothingElseBelongsToOne(name: String) { #expect(BackupMember(name: name) == nil) }
}
