import Foundation
import KernelTestSupport
import SystemdBinding
import Testing

/// One suite, one after another: the environment is the process's.
@Suite(.serialized) struct SystemdBindingTests {
    @Test func noticesReachTheManagerInOneMessage() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/notify"
        let socket = try DatagramSocket(path: path)
        environment("NOTIFY_SOCKET", path)
        defer { environment("NOTIFY_SOCKET", nil) }
        #expect(ServiceManager.listens)
        try ServiceManager.notify(.ready, .status("two\nlines"), .watchdog, .stopping, .failed(errno: 5))
        #expect(try socket.receive() == "READY=1\nSTATUS=two lines\nWATCHDOG=1\nSTOPPING=1\nERRNO=5")
    }

    @Test func nobodyListening() throws {
        environment("NOTIFY_SOCKET", nil)
        #expect(!ServiceManager.listens)
        #expect(throws: Never.self) { try ServiceManager.notify(.ready) }
    }

    @Test func theWatchdogIsOursOnlyIfNamed() {
        environment("WATCHDOG_USEC", "3000000")
        environment("WATCHDOG_PID", "\(getpid())")
        #expect(ServiceManager.watchdogInterval == .seconds(3))
        environment("WATCHDOG_PID", "1")
        #expect(ServiceManager.watchdogInterval == nil)
        environment("WATCHDOG_USEC", nil)
        environment("WATCHDOG_PID", nil)
    }

    @Test func withoutActivationNothingIsPassed() throws {
        #expect(try ServiceManager.takePassedDescriptors().isEmpty)
    }

    @Test func standardErrorIsComparedByDeviceAndInode() {
        environment("JOURNAL_STREAM", nil)
        #expect(!Journal.receivesStandardError)
        var status = stat()
        #expect(unsafe fstat(2, &status) == 0)
        environment("JOURNAL_STREAM", "\(status.st_dev):\(status.st_ino)")
        #expect(Journal.receivesStandardError)
        environment("JOURNAL_STREAM", "\(status.st_dev):\(status.st_ino + 1)")
        #expect(!Journal.receivesStandardError)
        environment("JOURNAL_STREAM", nil)
    }

    @Test(arguments: [
        ("MESSAGE", true), ("PODSHIELD_REASON", true), ("A1", true), ("", false), ("_PID", false), ("1A", false),
        ("lower", false), ("WITH-DASH", false), (String(repeating: "A", count: 64), true),
        (String(repeating: "A", count: 65), false),
    ])
    func fieldNames(_ name: String, _ isValid: Bool) { #expect(JournalField.isValid(name) == isValid) }

    @Test func entriesAreSentOrDroppedWithoutAJournal() {
        #expect(throws: Never.self) {
            try Journal.send([JournalField("MESSAGE", "two\nlines"), JournalField("A", "")])
        }
    }
}

/// Sets a variable of this process, or removes it.
private func environment(_ name: String, _ value: String?) {
    if let value { unsafe setenv(name, value, 1) } else { unsafe unsetenv(name) }
}
