import Authority
import AuthorityAPI
import Foundation
import GRPCCore
import Identity
import Issuance
import OpenSSLBinding
import SecureTransport

@testable import NodeIdentity

extension TestAuthority {
    /// Why it let nodes not in.
    var refusals: [JoinRefusal] {
        journal.all.compactMap { if case .joinRefused(_, let refusal) = $0 { refusal } else { nil } }
    }
}

/// A connection without a certificate, or with one, on which anything can be asked.
final class Stranger: Sendable {
    let connection: AuthorityConnection
    private let running: Task<Void, any Error>

    init(to authority: TestAuthority, showing svid: KeyedSVID? = nil) async throws {
        let nobody = TransportIdentity(
            current: { svid }, bundle: { .empty(trustDomain) }, now: { [clock = authority.clock] in clock.now })
        let connection = try await AuthorityConnection.open(
            AuthorityAddress(authority.address), identity: nobody,
            expecting: .pinnedRoot(anyOf: [NodeJoin.fingerprint(authority.service.rootFingerprint)]))
        self.connection = connection
        running = Task { try await connection.run() }
    }

    deinit { running.cancel() }

    /// One that says nothing yet of who asks.
    func request() throws -> Podshield_Authority_V1_JoinRequest {
        var request = Podshield_Authority_V1_JoinRequest()
        request.endpoint.address = Data([192, 0, 2, 1])
        (request.endpoint.linkPort, request.endpoint.espPort) = (1, 2)
        request.request = Data(try SigningRequest.make(key: .generate()))
        return request
    }

    func join(
        _ request: Podshield_Authority_V1_JoinRequest, claiming exporter: [UInt8]? = nil
    ) async throws -> Podshield_Authority_V1_JoinResponse {
        var metadata = Metadata()
        if let exporter { metadata.addBinary(exporter, forKey: "podshield-connection-bin") }
        return try await connection.calls.join(request, metadata: metadata)
    }

    /// As a node does that has other authorities to go to: throws what the first message throws.
    func watchDirectory() async throws {
        var request = Podshield_Authority_V1_WatchDirectoryRequest()
        request.leavesCutOff = true
        try await connection.calls.watchDirectory(request) { response in
            for try await _ in response.messages { return }
        }
    }
}
