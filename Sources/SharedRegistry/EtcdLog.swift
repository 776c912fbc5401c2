public import Authority
public import Etcd
internal import Foundation
internal import Inquiry

/// The log of a trust domain's authorities in etcd, under a prefix:
///
/// - `log/<number>`: an entry; numbers in 16 hexadecimal digits, so that they are in order. Number 0 is the lineage.
/// - `snapshot`: which is the newest, as `SnapshotHead` writes it.
/// - `snapshots/<digest>/<part>`: its bytes, in parts of half a MiB.
public final class EtcdLog: SharedLog {
    private let client: EtcdClient
    private let prefix: String

    /// Entries in one answer. Each has up to a MiB, and most have some hundred bytes.
    private static let page = 32
    private static let partLength = 512 << 10

    /// - Parameter prefix: of all keys, `/podshield/example.org/` for instance. Authorities with the same one are of one trust domain.
    public init(_ client: EtcdClient, prefix: String) {
        self.client = client
        self.prefix = prefix
    }

    // MARK: Entries

    public func append(_ entry: [UInt8], at number: UInt64) throws(SharedLogError) -> Bool {
        precondition(number > 0)
        let key = key(of: number)
        // A number may be free because what was there is gone.
        let conditions: [EtcdCondition] = [.absent(key: key), .present(key: self.key(of: number - 1))]
        return try put([.put(key: key, bytes: entry)], if: conditions)
    }

    public func entries(from number: UInt64) throws(SharedLogError) -> [LogEntry] {
        let keys = EtcdKeys(from: key(of: number), to: EtcdKeys(prefix: bytes("log/")).end)
        let answer = try waiting { [client] () async throws(EtcdError) in
            try await client.values(of: keys, limit: Self.page).values
        }
        var entries: [LogEntry] = []
        for value in answer {
            let next = number + UInt64(entries.count)
            // Those between are gone.
            guard value.key == key(of: next) else { throw .leftBehind }
            entries.append(LogEntry(number: next, bytes: value.bytes))
        }
        return entries
    }

    public func watch(_ heard: @escaping @Sendable () async -> Void) async throws(SharedLogError) {
        do throws(EtcdError) {
            let revision = try await client.values(of: EtcdKeys(bytes("snapshot")), limit: 1).revision
            await heard()
            try await client.watch(EtcdKeys(prefix: bytes("log/")), after: revision) { _ in await heard() }
        } catch {
            throw SharedLogError(error)
        }
    }

    // MARK: Snapshots

    public func newestSnapshot() throws(SharedLogError) -> SnapshotHead? { try present()?.head }

    public func snapshot(_ head: SnapshotHead) throws(SharedLogError) -> [UInt8] {
        var bytes: [UInt8] = []
        for (part, start) in stride(from: 0, to: head.length, by: Self.partLength).enumerated() {
            let key = self.key(of: head, part: part)
            let answer = try waiting { [client] () async throws(EtcdError) in
                try await client.values(of: EtcdKeys(key), limit: 1).values
            }
            // Another has taken its place meanwhile.
            guard let part = answer.first else { throw .contended }
            guard part.bytes.count == min(Self.partLength, head.length - start) else {
                throw .nonsense("a part of a snapshot that is not as long as it should be")
            }
            bytes += part.bytes
        }
        return bytes
    }

    public func put(
        _ snapshot: [UInt8], _ head: SnapshotHead, replacing older: SnapshotHead?
    ) throws(SharedLogError) -> Bool {
        guard snapshot.count <= SnapshotHead.largest else { throw .tooLarge(snapshot.count) }
        let present = try present()
        guard present?.head == older else { return false }
        do throws(SharedLogError) { return try put(snapshot, head, replacing: present) } catch {
            // Parts of one that is not there would fill an etcd that has just been given room.
            if case .refused = error {
                _ = try? put([.delete(EtcdKeys(prefix: bytes("snapshots/\(head.digest)/")))], if: [])
            }
            throw error
        }
    }

    private func put(
        _ snapshot: [UInt8], _ head: SnapshotHead, replacing present: (head: SnapshotHead, revision: Int64)?
    ) throws(SharedLogError) -> Bool {
        for (part, start) in stride(from: 0, to: snapshot.count, by: Self.partLength).enumerated() {
            let bytes = Array(snapshot[start..<min(start + Self.partLength, snapshot.count)])
            try put([.put(key: key(of: head, part: part), bytes: bytes)], if: [])
        }
        let headKey = bytes("snapshot")
        guard let present else {
            let beginning = EtcdChange.put(key: key(of: head.number), bytes: Array(head.lineage.utf8))
            return try put([.put(key: headKey, bytes: head.bytes), beginning], if: [.absent(key: headKey)])
        }
        // Of all snapshots this one alone is left: those, too, that others have begun and will not bring to an end.
        let (all, own) = (EtcdKeys(prefix: bytes("snapshots/")), EtcdKeys(prefix: bytes("snapshots/\(head.digest)/")))
        return try put(
            [
                .put(key: headKey, bytes: head.bytes),
                .delete(EtcdKeys(from: key(of: 0), to: key(of: present.head.number + 1))),
                .delete(EtcdKeys(from: all.first, to: own.first)), .delete(EtcdKeys(from: own.end, to: all.end)),
            ], if: [.unchanged(key: headKey, since: present.revision)])
    }

    @discardableResult
    private func put(_ changes: [EtcdChange], if conditions: [EtcdCondition]) throws(SharedLogError) -> Bool {
        try waiting { [client] () async throws(EtcdError) in try await client.change(changes, if: conditions) }
    }

    private func present() throws(SharedLogError) -> (head: SnapshotHead, revision: Int64)? {
        let key = EtcdKeys(bytes("snapshot"))
        let answer = try waiting { [client] () async throws(EtcdError) in
            try await client.values(of: key, limit: 1).values
        }
        return try answer.first.map { value throws(SharedLogError) in (try SnapshotHead(value.bytes), value.revision) }
    }

    // MARK: Keys

    private func bytes(_ name: String) -> [UInt8] { Array((prefix + name).utf8) }
    private func key(of number: UInt64) -> [UInt8] { bytes("log/\(Self.digits(number))") }
    private func key(of head: SnapshotHead, part: Int) -> [UInt8] {
        bytes("snapshots/\(head.digest)/\(Self.digits(UInt64(part)))")
    }

    private static func digits(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    // MARK: Waiting

    /// Has a task ask, and waits on this thread.
    private func waiting<Value: Sendable>(
        _ body: @escaping @Sendable () async throws(EtcdError) -> Value
    ) throws(SharedLogError) -> Value {
        do throws(EtcdError) { return try Inquiry.answer(body) } catch { throw SharedLogError(error) }
    }
}
