import Foundation
import Glibc
import KernelTestSupport
import LinuxBinding
import Testing

@Suite struct GuardedFileTests {
    private let directory: TemporaryDirectory
    private let path: String

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path + "/file"
        try Data("text".utf8).write(to: URL(filePath: path))
    }

    @Test(arguments: [0o644, 0o600, 0o444] as [mode_t])
    func whatOnlyItsOwnerChangesIsRead(_ mode: mode_t) throws {
        #expect(unsafe chmod(path, mode) == 0)
        #expect(try GuardedFile.read(path) == Array("text".utf8))
    }

    @Test(arguments: [0o664, 0o646, 0o666] as [mode_t])
    func whatOthersMayChangeIsNot(_ mode: mode_t) {
        #expect(unsafe chmod(path, mode) == 0)
        let error = #expect(throws: PrivateFileError.self) { try GuardedFile.read(path) }
        #expect(error == .writable(path: path, mode: S_IFREG | mode))
        #expect(error.map { "\($0)".hasSuffix("it must be 644") } == true)
    }

    /// The file's owner counts, not the link's.
    @Test func linksAreFollowed() throws {
        let link = directory.path + "/link"
        #expect(unsafe symlink(path, link) == 0)
        #expect(try GuardedFile.read(link) == Array("text".utf8))
        #expect(unsafe chmod(path, 0o666) == 0)
        #expect(throws: PrivateFileError.writable(path: link, mode: S_IFREG | 0o666)) { try GuardedFile.read(link) }
    }

    @Test(.enabled(if: geteuid() == 0)) func aForeignOwnersIsNot() {
        #expect(unsafe chown(path, 1234, 1234) == 0)
        #expect(throws: PrivateFileError.foreignOwner(path: path, owner: 1234)) { try GuardedFile.read(path) }
    }

    @Test func otherKindsAreNot() {
        let pipe = directory.path + "/pipe"
        #expect(unsafe mkfifo(pipe, 0o600) == 0)
        for other in [pipe, directory.path, "/dev/null"] {
            #expect(throws: PrivateFileError.notRegular(path: other)) { try GuardedFile.read(other) }
        }
    }

    @Test func longFilesAreNot() {
        let tooLong = PrivateFileError.system(SystemError(operation: "read", code: EFBIG, subject: path))
        #expect(throws: tooLong) { try GuardedFile.read(path, limit: 3) }
    }
}
