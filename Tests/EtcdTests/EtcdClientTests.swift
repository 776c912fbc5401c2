import Etcd
import EtcdTestSupport
import Foundation
import KernelTestSupport
import Synchronization
import Testing

// Each has an etcd of its own; many at once leave a machine no time for anything else.
@Suite(.serialized, .blocking) struct EtcdClientTests {
    private let cluster: EtcdCluster
    private let client: EtcdClient

    init() async throws {
        cluster = try await outside { try EtcdCluster() }
        client = EtcdClient(cluster.members)
    }

    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func aKeyIsPutOnce() async throws {
        let put = EtcdChange.put(key: bytes("a"), bytes: bytes("1"))
        #expect(try await client.change([put], if: [.absent(key: bytes("a"))]))
        #expect(try await !client.change([.put(key: bytes("a"), bytes: bytes("2"))], if: [.absent(key: bytes("a"))]))
        let (values, hasMore, revision) = try await client.values(of: EtcdKeys(bytes("a")), limit: 10)
        #expect(values == [EtcdValue(key: bytes("a"), bytes: bytes("1"), revision: revision)] && !hasMore)
        #expect(
            try await client.change([.delete(EtcdKeys(bytes("a")))], if: [.unchanged(key: bytes("a"), since: revision)])
        )
        #expect(try await !client.change([put], if: [.present(key: bytes("a"))]))
    }

    @Test func rangesAreInOrderAndInPages() async throws {
        for name in ["k/3", "k/1", "k/2", "l/1"] {
            _ = try await client.change([.put(key: bytes(name), bytes: bytes(name))], if: [])
        }
        let first = try await client.values(of: EtcdKeys(prefix: bytes("k/")), limit: 2)
        #expect(first.values.map(\.bytes) == [bytes("k/1"), bytes("k/2")] && first.hasMore)
        let rest = try await client.values(of: EtcdKeys(from: bytes("k/3"), to: bytes("k0")), limit: 2)
        #expect(rest.values.map(\.bytes) == [bytes("k/3")] && !rest.hasMore)
    }

    @Test func whatIsPutIsHeardFromARevisionOn() async throws {
        let client = client
        _ = try await client.change([.put(key: Array("w/0".utf8), bytes: [0])], if: [])
        let revision = try await client.values(of: EtcdKeys(prefix: bytes("w/")), limit: 1).revision
        _ = try await client.change([.put(key: Array("w/1".utf8), bytes: [1])], if: [])
        let heard = Mutex<[[UInt8]]>([])
        let watching = Task {
            try await client.watch(EtcdKeys(prefix: Array("w/".utf8)), after: revision) { values in
                heard.withLock { $0 += values.map(\.bytes) }
            }
        }
        try await eventually("the first") { heard.withLock { $0 } == [[1]] }
        _ = try await client.change([.delete(EtcdKeys(Array("w/0".utf8)))], if: [])
        _ = try await client.change([.put(key: Array("w/2".utf8), bytes: [2])], if: [])
        try await eventually("the second") { heard.withLock { $0 } == [[1], [2]] }
        watching.cancel()
        _ = try? await watching.value
    }

    @Test func aRevisionThatIsForgottenIsToldSo() async throws {
        for number in 0..<5 { _ = try await client.change([.put(key: bytes("c"), bytes: [UInt8(number)])], if: []) }
        let revision = try await client.values(of: EtcdKeys(bytes("c")), limit: 1).revision
        try cluster.etcdctl("compact", "\(revision)")
        await #expect(throws: EtcdError.compacted) {
            try await client.watch(EtcdKeys(bytes("c")), after: revision - 3) { _ in }
        }
    }

    @Test func strangersAreRefusedOnEitherSide() async throws {
        for members in [cluster.membersForStrangers, cluster.membersUntrusted] {
            await #expect {
                _ = try await EtcdClient(members).values(of: EtcdKeys(bytes("a")), limit: 1)
            } throws: {
                if case .unreachable? = $0 as? EtcdError { true } else { false }
            }
        }
    }

    @Test func filesThatCannotBeReadAreNamed() async throws {
        var members = cluster.members
        members.key = "/nowhere/key.pem"
        await #expect {
            _ = try await EtcdClient(members).values(of: EtcdKeys(bytes("a")), limit: 1)
        } throws: {
            "\($0)".contains("/nowhere/key.pem")
        }
    }

    /// Who may write the roots may be etcd, and who may read the key may be the authority.
    @Test func filesThatAreOpenToOthersAreRefused() async throws {
        let members = cluster.members
        for (path, mode, why) in [
            (members.roots, 0o666, "can be written by others"), (members.key, 0o644, "is open to others"),
        ] {
            let usual = try #require(
                try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            await #expect {
                _ = try await EtcdClient(members).values(of: EtcdKeys(bytes("a")), limit: 1)
            } throws: {
                "\($0)".contains("\(path) \(why)")
            }
            try FileManager.default.setAttributes([.posixPermissions: usual], ofItemAtPath: path)
        }
        #expect(try await EtcdClient(members).values(of: EtcdKeys(bytes("a")), limit: 1).values.isEmpty)
    }

    /// Any of three may be gone; of two, nobody knows which is right.
    @Test func anotherMemberAnswers() async throws {
        let cluster = try await outside { try EtcdCluster(members: 3) }
        let client = EtcdClient(cluster.members)
        for member in 0..<3 {
            #expect(try await client.change([.put(key: bytes("m"), bytes: [UInt8(member)])], if: []))
            cluster.kill(member)
            try await eventually("another answers") {
                try await client.change([.put(key: bytes("n"), bytes: [UInt8(member)])], if: [])
            }
            #expect(try await client.values(of: EtcdKeys(bytes("m")), limit: 1).values.first?.bytes == [UInt8(member)])
            try cluster.restart(member)
            try await eventually("it is back") {
                _ = try cluster.etcdctl("endpoint", "health", "--cluster")
                return true
            }
        }
        cluster.kill(0)
        cluster.kill(1)
        await #expect {
            _ = try await client.values(of: EtcdKeys(bytes("m")), limit: 1)
        } throws: {
            if case .unreachable? = $0 as? EtcdError { true } else { false }
        }
    }

    private func eventually(_ what: Comment, _ holds: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while (try? await holds()) != true {
            try #require(.now < deadline, what)
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
