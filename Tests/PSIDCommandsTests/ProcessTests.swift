import Foundation
import KernelTestSupport
import Testing

/// The built program: what only a process of its own can show. One after another: each has a copy of its own, which is large.
@Suite(.serialized, .blocking) struct ProcessTests {
    private let directory: TemporaryDirectory
    private var program: String { directory.path + "/psid" }

    init() throws {
        directory = try TemporaryDirectory()
        let built = Bundle.main.bundleURL.appending(path: "psid")
        try FileManager.default.copyItem(atPath: built.path(percentEncoded: false), toPath: directory.path + "/psid")
    }

    /// Standard output, then the exit status, then standard error with `! ` before each line.
    private func run(as privileges: [String] = [], _ words: String...) throws -> String {
        let script = #"r=$1; shift; "$@" 2>"$r"; echo "status $?"; sed 's/^/! /' "$r""#
        return try Command.run(["sh", "-c", script, "sh", directory.path + "/stderr"] + privileges + [program] + words)
    }

    private func write(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
        let path = "\(directory.path)/\(name)"
        #expect(
            FileManager.default.createFile(
                atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: mode]))
        return path
    }

    @Test func outputStatusAndMessagesAreApart() throws {
        let good = try write("good", "trust-domain: a\nprotected: [10.0.0.0/8]\nnode: {name: n, address: 192.0.2.1}\n")
        #expect(try run("config", "validate", good) == "\(good): good\nstatus 0\n")
        let bad = try write("bad", "trust-domain: a\npermissive: true\nnode: {name: n}\n")
        #expect(
            try run("config", "validate", bad) == "status 78\n! psid: \(bad): node.address: is missing\n")
    }

    @Test func onlyRootMayUseTheSocket() throws {
        let place = directory.path + "/run"
        try FileManager.default.createDirectory(
            atPath: place, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        let said = try run(as: nobody, "--socket", "\(place)/s", "status")
        #expect(said == "status 4\n! psid: \(place)/s: only root may use the admin socket\n")
    }

    @Test func withoutADaemonItsProgramUninstalls() throws {
        _ = try write("podshield-idd", "#!/bin/sh\necho \"$0 $*\"\nexit 7\n", mode: 0o755)
        let said = try run("--socket", "/nonexistent/s", "--config", "/c.yaml", "datapath", "uninstall")
        #expect(said == "\(directory.path)/podshield-idd datapath-uninstall --config /c.yaml\nstatus 7\n")
    }

    @Test func withoutItsProgramThatIsSaid() throws {
        let said = try run("--socket", "/nonexistent/s", "datapath", "uninstall")
        #expect(
            said.hasPrefix("status 1\n! psid: execv ") && said.hasSuffix("podshield-idd: No such file or directory\n"))
    }

    @Test func aReaderThatHasGoneEndsIt() throws {
        let script = #"{ "$@"; echo "status $?" >&2; } 2>&1 >&- | cat"#
        #expect(try Command.run(["sh", "-c", script, "sh", program, "--help"]) == "status 141\n")
    }
}
