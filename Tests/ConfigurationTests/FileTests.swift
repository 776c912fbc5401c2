import Configuration
import Foundation
import KernelTestSupport
import Testing

@Suite struct FileTests {
    private let directory: TemporaryDirectory
    private let path: String

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path + "/config.yaml"
    }

    private func write(_ text: Data, mode: Int = 0o600) {
        #expect(FileManager.default.createFile(atPath: path, contents: text, attributes: [.posixPermissions: mode]))
    }

    private func problems() -> String {
        do throws(ConfigurationError) {
            _ = try PodshieldConfiguration(path: path)
            return ""
        } catch {
            return error.description.replacing(path, with: "PATH")
        }
    }

    @Test func aGoodFile() {
        write(Data(Documents.standalone.utf8), mode: 0o644)
        #expect(problems() == "")
    }

    @Test func aMissingFile() {
        #expect(problems() == "PATH: cannot be read: No such file or directory")
    }

    @Test func aDirectory() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        #expect(problems() == "PATH: cannot be read: Is a directory")
    }

    @Test func notText() {
        write(Data([0x61, 0xff]))
        #expect(problems() == "PATH: is not UTF-8")
    }

    @Test func tooLarge() {
        write(Data(String(repeating: "#", count: 1 << 19).utf8))
        #expect(problems() == "PATH: cannot be read: File too large")
    }

    @Test(arguments: [
        (0o600, ""), (0o640, ""), (0o644, "PATH: holds a token and is open to everyone; make its mode 640 or 600"),
    ])
    func tokensAreNotForEverybody(_ mode: Int, _ expected: String) {
        write(Data((Documents.node + "  token: abc\n").utf8), mode: mode)
        #expect(problems() == expected)
    }

    @Test func nodesWithoutATokenMayBeRead() {
        write(Data(Documents.node.utf8), mode: 0o644)
        #expect(problems() == "")
    }
}
