import Addressing
import AuthorityAPI
import Etcd
import EtcdTestSupport
import Foundation
import GRDB
import Identity
import Issuance
import KernelTestSupport
import OpenSSLBinding
import SharedRegistry
import Testing

@testable import Authority

let trustDomain = try! TrustDomain("example.org")
let start: Int64 = 1_800_000_000

/// Registries of several authorities that share one etcd.
final class SharedRegistries: Sendable {
    let cluster: EtcdCluster
    private let directory: TemporaryDirectory

    init(members: Int = 1, quota: Int? = nil) async throws {
        directory = try TemporaryDirectory()
        cluster = try await outside { try EtcdCluster(members: members, quota: quota) }
    }

    /// Another has another prefix.
    ///
    /// - Parameter timeLimit: of each member; nil for a long one.
    func log(_ prefix: String = "/podshield/example.org/", timeLimit: Duration? = nil) -> EtcdLog {
        var members = cluster.members
        members.timeLimit = timeLimit ?? members.timeLimit
        return EtcdLog(EtcdClient(members), prefix: prefix)
    }

    func path(_ name: String) -> String { "\(directory.path)/\(name).sqlite" }

    /// Opens the one of an authority, or makes it.
    func open(_ name: String, sharedBy log: EtcdLog? = nil) async throws -> Registry {
        let (path, log) = (path(name), log ?? self.log())
        return try await outside { try Registry(path: path, trustDomain: trustDomain, sharedBy: log, as: name) }
    }

    func close(_ registry: Registry) async throws { try await outside { registry.close() } }
}

/// Whether what throws holds is not known yet.
func eventually(_ what: Comment, _ holds: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while (try? await holds()) != true {
        try #require(.now < deadline, what)
        try await Task.sleep(for: .milliseconds(50))
    }
}

extension Registry {
    /// All rows of all tables, as text.
    func contents() async throws -> [String] {
        try await read(as: RegistryError.self) { db in
            let tables = try String.fetchAll(
                db,
                sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
            return try tables.flatMap { table in
                try Row.fetchAll(db, sql: "SELECT * FROM \(table) ORDER BY 1").map { "\(table): \($0)" }
            }
        }
    }

    func identity(_ path: String) async throws -> UInt32 {
        let id = try SPIFFEID(trustDomain: trustDomain, path: path)
        let labels = try PolicyLabels([:])
        return try await number(for: id, labels: labels, until: start + 3600, now: start).number.rawValue
    }
}
