import Foundation
import Glibc
import KernelTestSupport
import Testing

@testable import LinuxBinding

/// Processes that somebody names by their numbers.
@Suite(.blocking) struct NamedProcessTests {
    /// What it says of itself at first; then what it has become.
    @Test func aNamedProcessIsKnownAsItIsNow() async throws {
        let script = """
            import os, sys
            os.setgroups([4, 27]); os.setgid(33); os.setuid(0)
            sys.stdin.readline(); os.setgroups([]); os.setuid(1234); sys.stdin.readline()
            """
        let input = Pipe()
        let program = try RunningProgram(["python3", "-c", script], input: input.fileHandleForReading)
        defer { program.end() }
        let number = UInt32(program.processID)
        var process = try PeerProcess(processID: number)
        while process.groups != [4, 27] || process.credentials.groupID != 33 { process = try process.current() }
        #expect(process.isAlive)
        try input.fileHandleForWriting.write(contentsOf: Data("go\n".utf8))
        while process.credentials.userID != 1234 { process = try process.current() }
        #expect(process.groups.isEmpty && process.credentials.processID == number)
        program.end()
        #expect(!process.isAlive)
        for body in [{ _ = try process.current() }, { _ = try PeerProcess(processID: number) }] {
            #expect(#expect(throws: SystemError.self, performing: body)?.code == ESRCH)
        }
    }

    /// It is held from the moment that it was named: its number is no way to another, which is like it in everything.
    @Test func aNumberThatIsGivenAgainIsAnothers() throws {
        let words = ["sleep", "60"]
        let first = try RunningProgram(words)
        let number = UInt32(first.processID)
        let process = try PeerProcess(processID: number)
        first.end()
        let second = try RunningProgram.start(words, as: first.processID)
        defer { second.end() }
        #expect(!process.isAlive && kill(second.processID, 0) == 0)
        for body in [
            { _ = try process.current() }, { _ = try process.countsAsWeDo() }, { _ = try process.controlGroup() },
            { _ = try process.executable() },
        ] {
            #expect(#expect(throws: SystemError.self, performing: body)?.code == ESRCH)
        }
        #expect(try PeerProcess(processID: number).isAlive)
    }

    @Test(arguments: [0, UInt32(Int32.max), UInt32.max]) func aNumberOfNobodyIsNone(_ number: UInt32) {
        #expect(#expect(throws: SystemError.self) { _ = try PeerProcess(processID: number) }?.code == ESRCH)
    }

    @Test(arguments: [
        ["--ruid=1234"], ["--euid=1234"], ["--rgid=33", "--clear-groups"], ["--egid=33", "--clear-groups"],
    ])
    func whoActsAsAnotherIsNobody(_ words: [String]) throws {
        let program = try RunningProgram(["setpriv"] + words + ["sleep", "60"])
        defer { program.end() }
        while try String(contentsOfFile: "/proc/\(program.processID)/comm", encoding: .utf8) != "sleep\n" {}
        let error = #expect(throws: SystemError.self) { _ = try PeerProcess(processID: UInt32(program.processID)) }
        #expect(error?.code == EPERM)
    }

    /// What a program calls itself stands in the file that says whose it is.
    @Test(arguments: ["a) R 1 1", "x\nUid:\t0\t0\t0\t0", "Uid:\t0 0 0 0", "x\nGroups:\t0", "x\r", " Uid:\t0\\", "\n\n"])
    func aNameIsNoFact(_ name: String) throws {
        let script = """
            import ctypes, os, sys, time
            ctypes.CDLL(None).prctl(15, sys.argv[1].encode(), 0, 0, 0)
            os.setgroups([27]); os.setgid(33); os.setuid(1234)
            print("ready", flush=True); time.sleep(60)
            """
        let output = Pipe()
        let program = try RunningProgram(
            ["/usr/bin/python3", "-c", script, name], output: output.fileHandleForWriting)
        defer { program.end() }
        #expect(output.fileHandleForReading.availableData == Data("ready\n".utf8))
        #expect(try String(contentsOfFile: "/proc/\(program.processID)/comm", encoding: .utf8) == name + "\n")
        let process = try PeerProcess(processID: UInt32(program.processID))
        #expect(process.credentials.userID == 1234 && process.credentials.groupID == 33 && process.groups == [27])
    }

    /// Who lives in a PID namespace of its own has another number there.
    @Test func whoCountsProcessesAnewIsKnown() throws {
        #expect(try PeerProcess(processID: UInt32(getpid())).countsAsWeDo())
        let program = try RunningProgram(["unshare", "--pid", "--fork", "--kill-child", "sleep", "60"])
        defer { program.end() }
        let children = "/proc/\(program.processID)/task/\(program.processID)/children"
        var child: UInt32?
        while child == nil {
            child = UInt32(try String(contentsOfFile: children, encoding: .utf8).split(separator: " ").first ?? "")
        }
        #expect(try !PeerProcess(processID: try #require(child)).countsAsWeDo())
    }

    @Test func theNamespaceOfANamedProcessHasANumber() throws {
        let routes = try RouteSocket()
        let own = try routes.ownNumber()
        #expect(try routes.ownNumber() == own && routes.number(ofProcess: UInt32(getpid())) == own)
        let elsewhere = try RunningProgram(["unshare", "--net", "sleep", "60"])
        defer { elsewhere.end() }
        while try String(contentsOfFile: "/proc/\(elsewhere.processID)/comm", encoding: .utf8) != "sleep\n" {}
        #expect(try routes.number(ofProcess: UInt32(elsewhere.processID)) == nil)
        #expect(#expect(throws: SystemError.self) { try routes.number(ofProcess: UInt32(Int32.max)) }?.code == ESRCH)
    }
}
