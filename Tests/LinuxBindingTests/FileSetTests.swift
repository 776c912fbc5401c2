import Foundation
import KernelTestSupport
import LinuxBinding
import Testing

@Suite struct FileSetTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.path + "/set" }

    init() throws { directory = try TemporaryDirectory() }

    private func replace(_ files: [String: String], mode: UInt32 = 0o600) throws(SystemError) {
        let members = files.map { FileSet.Member($0.key, Array($0.value.utf8), mode: mode) }
        try FileSet(directory: path).replace(with: members)
    }

    private func text(_ name: String) throws -> String {
        try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)
    }

    private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }

    /// Whoever may write to the directory could lead the key elsewhere, or read it there.
    @Test(arguments: [(0, 0o777), (0, 0o770), (4711, 0o700)]) func aDirectoryOfOthersIsRefused(owner: Int, mode: Int)
        throws
    {
        let place = directory.path + "/others"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
        try FileManager.default.setAttributes([.posixPermissions: mode, .ownerAccountID: owner], ofItemAtPath: place)
        let error = #expect(throws: SystemError.self) {
            try FileSet(directory: place).replace(with: [FileSet.Member("key", [1], mode: 0o600)])
        }
        #expect(error?.code == EPERM && error?.subject == place)
        #expect(try FileManager.default.contentsOfDirectory(atPath: place).isEmpty)
    }

    @Test func theFirstSetAndTheNext() throws {
        try replace(["a": "1", "b": "1"])
        #expect(try text("a") + text("b") == "11")
        try replace(["a": "2", "b": "2"])
        #expect(try text("a") + text("b") == "22")
        #expect(try names().filter { $0.hasPrefix("..set-") }.count == 1)
    }

    @Test func modes() throws {
        try replace(["key": "k"], mode: 0o600)
        var status = stat()
        #expect(unsafe stat("\(path)/key", &status) == 0 && status.st_mode & 0o7777 == 0o600)
        #expect(unsafe stat(path, &status) == 0 && status.st_mode & 0o7777 == 0o700)
    }

    @Test func foreignFilesAreRefusedAndKept() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        try Data("mine".utf8).write(to: URL(filePath: "\(path)/b"))
        let error = #expect(throws: SystemError.self) { try replace(["a": "1", "b": "1"]) }
        #expect(error?.code == EEXIST)
        #expect(try names() == ["b"] && text("b") == "mine")
    }

    @Test func otherFilesAreLeftAlone() throws {
        try replace(["a": "1"])
        try Data("mine".utf8).write(to: URL(filePath: "\(path)/other"))
        try replace(["a": "2"])
        #expect(try text("other") == "mine")
    }

    @Test func leftoversOfAnInterruptedRunGo() throws {
        try replace(["a": "1"])
        try FileManager.default.createDirectory(atPath: "\(path)/..set-9", withIntermediateDirectories: false)
        try Data().write(to: URL(filePath: "\(path)/..set-9/a"))
        #expect(unsafe symlink("..set-9", "\(path)/..current.new") == 0)
        try replace(["a": "2"])
        #expect(try names().filter { $0.hasPrefix("..") }.count == 2)
        #expect(try text("a") == "2")
    }

    /// Readers that open the directory once, as a program does that loads a pair, never see two halves.
    @Test(.timeLimit(.minutes(1))) func setsAreNeverMixed() async throws {
        try replace(["a": "0", "b": "0"])
        let path = path
        let writing = Task.detached {
            for number in 1...200 {
                let members = ["a", "b"].map { FileSet.Member($0, Array("\(number)".utf8), mode: 0o600) }
                try FileSet(directory: path).replace(with: members)
            }
        }
        var mixed = 0
        // A name may lead into a set that goes in the moment it is looked up.
        while (try? text("a")) != "200" {
            guard let set = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(path)/..current"),
                let a = try? String(contentsOfFile: "\(path)/\(set)/a", encoding: .utf8),
                let b = try? String(contentsOfFile: "\(path)/\(set)/b", encoding: .utf8)
            else { continue }
            mixed += a == b ? 0 : 1
        }
        try await writing.value
        #expect(mixed == 0)
    }
}
