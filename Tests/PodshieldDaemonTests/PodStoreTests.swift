import Addressing
import Foundation
import Identity
import KernelTestSupport
import KeyAgreement
import PodState
import Testing

@testable import PodshieldDaemon

@Suite struct PodStoreTests {
    let directory: TemporaryDirectory
    let store: PodStore

    init() throws {
        directory = try TemporaryDirectory()
        store = try PodStore(directory: directory.path + "/pods")
    }

    @Test func nothingIsNoPods() throws {
        #expect(try store.load() == PodStore.Saved())
    }

    @Test func whatIsSavedComesBackWhole() throws {
        let saved = PodStore.Saved(
            pods: [
                try podRecord(uid: "a1b2c3d4-e5f6-7890-abcd-ef1234567890"),
                try podRecord("db-0", labels: [:], interface: "eth1", index: 9),
            ],
            former: Set(
                try podRecord("old-0", index: 4).holdings(of: NumericIdentity(rawValue: 300))
                    + podRecord("old-0", index: 4).holdings(of: NumericIdentity(rawValue: 301))))
        try store.save(saved)
        #expect(try store.load() == saved)
        let mode = try FileManager.default.attributesOfItem(atPath: store.path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        try store.save(PodStore.Saved())
        #expect(try store.load() == PodStore.Saved())
        // Nothing but the file: no leftover of the writing.
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path + "/pods") == ["pods.json"])
    }

    @Test func whatAKilledWriterLeftIsTakenAway() throws {
        try store.save(PodStore.Saved())
        let leftover = store.path + ".new-4711"
        try Data("half".utf8).write(to: URL(filePath: leftover))
        _ = try PodStore(directory: directory.path + "/pods")
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path + "/pods") == ["pods.json"])
    }

    @Test(arguments: [
        ("", "cannot be used"), ("{", "cannot be used"), ("[]", "cannot be used"),
        (#"{"version":1}"#, "cannot be used"), (#"{"version":2,"pods":[]}"#, "has version 2"),
    ])
    func whatIsNoStoreIsRefused(text: String, reason: String) throws {
        try Data(text.utf8).write(to: URL(filePath: store.path))
        #expect { try store.load() } throws: { "\($0)".contains(reason) && "\($0)".contains(store.path) }
        #expect { try PodStore.inspect(directory: directory.path + "/pods") } throws: { "\($0)".contains(reason) }
    }

    @Test func lookingMakesNothing() throws {
        let absent = directory.path + "/absent"
        try PodStore.inspect(directory: absent)
        #expect(!FileManager.default.fileExists(atPath: absent))
        try store.save(PodStore.Saved(pods: [podRecord()]))
        try PodStore.inspect(directory: directory.path + "/pods")
    }

    /// The file is read by a program that acts on it: each value is checked as if it came from outside.
    @Test(arguments: [
        (#""netns" : "/run/netns/web-0""#, #""netns" : "/etc/passwd""#, "makes no sense"),
        (#""10.42.1.7""#, #""10.42.1.777""#, "makes no sense"),
        (#""10.42.1.99""#, #""10.42.1.999""#, "makes no sense"), (#": 300"#, #": -1"#, "cannot be used"),
        (#""name" : "web-0""#, #""name" : "web/0""#, "cannot be used"),
        (#""app" : "web""#, #""a p" : "web""#, "cannot be used"),
    ])
    func aRecordThatMakesNoSenseIsRefused(good: String, bad: String, reason: String) throws {
        let former = FormerHolding(address: IPAddress("10.42.1.99")!, identity: NumericIdentity(rawValue: 300))
        try store.save(PodStore.Saved(pods: [podRecord()], former: [former]))
        let text = try String(contentsOfFile: store.path, encoding: .utf8)
        try #require(text.contains(good))
        try Data(text.replacing(good, with: bad).utf8).write(to: URL(filePath: store.path))
        #expect { try store.load() } throws: { "\($0)".contains(reason) }
    }

    /// As files were before pods that have gone were remembered.
    @Test func nobodyFormerNeedBeSaid() throws {
        try Data(#"{"version":1,"pods":[]}"#.utf8).write(to: URL(filePath: store.path))
        #expect(try store.load() == PodStore.Saved())
    }

    @Test func aDirectoryThatOthersWriteToIsRefused() throws {
        let open = directory.path + "/open"
        try FileManager.default.createDirectory(atPath: open, withIntermediateDirectories: false)
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: open)
        #expect(throws: PodStoreError.self) { try PodStore(directory: open) }
        #expect(throws: PodStoreError.self) { try PodStore.inspect(directory: open) }
    }
}
