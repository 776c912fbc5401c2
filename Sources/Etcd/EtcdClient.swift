internal import EtcdAPI
internal import Foundation
internal import SwiftProtobuf
internal import Synchronization

/// Reads and changes what etcd holds, by whichever member answers.
///
/// Answers are of the whole cluster: a member that is cut off from the others gives none.
public final class EtcdClient: Sendable {
    private struct Current {
        /// Index of the member that answered last, or is tried next.
        var member = 0
        var connection: EtcdConnection?
    }

    private let members: EtcdMembers
    private let current = Mutex(Current())

    public init(_ members: EtcdMembers) { self.members = members }

    // MARK: Reading

    /// What is there now of a range, by key.
    ///
    /// - Returns: at most `limit` values, whether there are more, and the store's revision then.
    public func values(
        of keys: EtcdKeys, limit: Int
    ) async throws(EtcdError) -> (values: [EtcdValue], hasMore: Bool, revision: Int64) {
        let request = Etcdserverpb_RangeRequest.with {
            $0.key = Data(keys.first)
            $0.rangeEnd = Data(keys.end)
            $0.limit = Int64(limit)
        }
        let answer = try await ask { try await $0.range(request, within: $1) }
        return (answer.kvs.map(EtcdValue.init), answer.more, answer.header.revision)
    }

    // MARK: Changing

    /// Makes all the changes if all is as it must be, else none; whether it was. What throws `unreachable` may have been made.
    public func change(_ changes: [EtcdChange], if conditions: [EtcdCondition]) async throws(EtcdError) -> Bool {
        let request = Etcdserverpb_TxnRequest.with {
            $0.compare = conditions.map(Etcdserverpb_Compare.init)
            $0.success = changes.map(Etcdserverpb_RequestOp.init)
        }
        return try await ask { try await $0.transaction(request, within: $1) }.succeeded
    }

    // MARK: Watching

    /// Tells of what is put into a range after a revision, each time all of one transaction, until the task is cancelled, the connection
    /// is lost or a member has to be asked anew.
    public func watch(
        _ keys: EtcdKeys, after revision: Int64, heard: @escaping @Sendable ([EtcdValue]) async -> Void
    ) async throws(EtcdError) {
        let request = Etcdserverpb_WatchCreateRequest.with {
            $0.key = Data(keys.first)
            $0.rangeEnd = Data(keys.end)
            $0.startRevision = revision + 1
        }
        let (connection, turn) = try connect()
        do {
            try await connection.watch(request) { message in
                if message.compactRevision > 0 { throw EtcdError.compacted }
                if message.canceled { throw EtcdError.refused(message.cancelReason) }
                let values = message.events.filter { $0.type == .put }.map { EtcdValue($0.kv) }
                if !values.isEmpty { await heard(values) }
            }
        } catch {
            drop(connection, turn)
            throw EtcdError(error, member: connection.member)
        }
    }

    // MARK: Members

    /// Asks members until one answers, each once.
    private func ask<Answer: Sendable>(
        _ body: @Sendable (EtcdConnection, Duration) async throws -> Answer
    ) async throws(EtcdError) -> Answer {
        var failure: EtcdError?
        for _ in members.addresses {
            let (connection, turn) = try connect()
            do {
                return try await body(connection, members.timeLimit)
            } catch {
                let error = EtcdError(error, member: connection.member)
                guard case .unreachable = error else { throw error }
                failure = error
                drop(connection, turn)
            }
        }
        throw failure ?? .unreachable("none is known")
    }

    private func connect() throws(EtcdError) -> (connection: EtcdConnection, turn: Int) {
        do {
            return try current.withLock { current in
                let connection =
                    try current.connection ?? EtcdConnection(members.addresses[current.member], of: members)
                current.connection = connection
                return (connection, current.member)
            }
        } catch {
            throw .refused("a connection is not possible: \(error)")
        }
    }

    /// The next call goes to the next member.
    private func drop(_ connection: EtcdConnection, _ turn: Int) {
        current.withLock { current in
            guard current.connection === connection else { return }
            current.connection = nil
            current.member = (turn + 1) % members.addresses.count
        }
    }
}

extension EtcdValue {
    fileprivate init(_ pair: Mvccpb_KeyValue) {
        self.init(key: Array(pair.key), bytes: Array(pair.value), revision: pair.modRevision)
    }
}

extension Etcdserverpb_Compare {
    fileprivate init(_ condition: EtcdCondition) {
        self.init()
        switch condition {
        case .absent(let key): (self.key, target, result, version) = (Data(key), .version, .equal, 0)
        case .present(let key): (self.key, target, result, version) = (Data(key), .version, .greater, 0)
        case .unchanged(let key, let revision):
            (self.key, target, result, modRevision) = (Data(key), .mod, .equal, revision)
        }
    }
}

extension Etcdserverpb_RequestOp {
    fileprivate init(_ change: EtcdChange) {
        self.init()
        switch change {
        case .put(let key, let bytes):
            requestPut = .with {
                $0.key = Data(key)
                $0.value = Data(bytes)
            }
        case .delete(let keys):
            requestDeleteRange = .with {
                $0.key = Data(keys.first)
                $0.rangeEnd = Data(keys.end)
            }
        }
    }
}
