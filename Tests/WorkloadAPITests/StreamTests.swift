import AuthorityAPI
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import Glibc
import Identity
import Issuance
import JOSE
import LinkTestSupport
import OpenSSLBinding
import SwiftProtobuf
import Synchronization
import Testing
import WorkloadProtocol

@testable import WorkloadAPI

/// Every call that goes on tells of each change as it comes; whoever renews nothing by itself lives by that.
@Suite(.timeLimit(.minutes(1))) struct StreamTests {
    /// W-3: each message has all there is, also after the second change.
    @Test(arguments: [
        Stream.svids, .bundles, .jwtBundles, .secret("ROOTCA"), .secret("ALL"), .secret("spiffe://example.org"),
    ])
    func w3EveryStreamCarriesEveryChange(_ stream: Stream) async throws {
        let server = try await TestServer()
        let identities = server.identities
        try identities.add("web", [.userID(geteuid())])
        let seen = Mutex(0)
        try await server.withConnection { connection in
            try await stream.read(connection) { told in
                let count = seen.withLock { seen in
                    seen += 1
                    return seen
                }
                let parts = try stream.parts(identities)
                #expect(parts.count == count)
                for part in parts { #expect(told.range(of: part) != nil) }
                guard count < 3 else { return false }
                try stream.change(identities)
                return true
            }
        }
        #expect(seen.withLock { $0 } == 3)
    }
}

/// A call that goes on, and how what it tells of becomes another.
struct Stream: CustomTestStringConvertible, Sendable {
    typealias Connection = GRPCClient<HTTP2ClientTransport.Posix>
    /// Hears what a message carries, and says whether to go on.
    typealias Reader = @Sendable (Data) throws -> Bool

    let testDescription: String
    let change: @Sendable (TestIdentities) throws -> Void
    /// What a message has to have.
    let parts: @Sendable (TestIdentities) throws -> [Data]
    let read: @Sendable (Connection, @escaping Reader) async throws -> Void

    static let svids = Stream(testDescription: "FetchX509SVID", change: addRoot, parts: roots) { connection, told in
        try await Client(wrapping: connection).fetchX509SVID(.init(), metadata: secured) { response in
            for try await message in response.messages {
                guard try told(message.svids.first?.bundle ?? Data()) else { return }
            }
        }
    }

    static let bundles = Stream(testDescription: "FetchX509Bundles", change: addRoot, parts: roots) {
        connection, told in
        try await Client(wrapping: connection).fetchX509Bundles(.init(), metadata: secured) { response in
            for try await message in response.messages {
                guard try told(message.bundles["spiffe://example.org"] ?? Data()) else { return }
            }
        }
    }

    static let jwtBundles = Stream(
        testDescription: "FetchJWTBundles", change: addKey,
        parts: { $0.jwtBundle.authorities.map { Data($0.keyID.utf8) } },
        read: { connection, told in
            try await Client(wrapping: connection).fetchJWTBundles(.init(), metadata: secured) { response in
                for try await message in response.messages {
                    guard try told(message.bundles["spiffe://example.org"] ?? Data()) else { return }
                }
            }
        })

    /// Of Envoy's SDS, read as an Envoy does it: each answer is acknowledged.
    static func secret(_ name: String) -> Stream {
        Stream(
            testDescription: "SDS \(name)", change: addRoot,
            parts: { try $0.bundle.authorities.map { Data(try $0.pem.utf8) } },
            read: { connection, told in
                let (requests, send) = AsyncStream.makeStream(of: Request.self)
                send.yield(.with { $0.resourceNames = [name] })
                try await Envoy(wrapping: connection).streamSecrets { writer in
                    for await request in requests { try await writer.write(request) }
                } onResponse: { response in
                    defer { send.finish() }
                    for try await message in response.messages {
                        guard try told(message.resources.reduce(Data()) { $0 + $1.value }) else { return }
                        send.yield(
                            .with {
                                $0.resourceNames = [name]
                                $0.responseNonce = message.nonce
                                $0.versionInfo = message.versionInfo
                            })
                    }
                }
            })
    }

    private typealias Envoy = Envoy_Service_Secret_V3_SecretDiscoveryService.Client<HTTP2ClientTransport.Posix>
    private typealias Request = Envoy_Service_Discovery_V3_DiscoveryRequest

    @Sendable private static func roots(_ identities: TestIdentities) -> [Data] {
        identities.bundle.authorities.map { Data($0.der) }
    }

    @Sendable private static func addRoot(_ identities: TestIdentities) throws {
        let (name, held) = (identities.domain.name, identities.bundle)
        let root = try CertificateAuthority.createRoot(for: name, now: TestDomain.now).certificate
        let bundle = try TrustBundle(
            trustDomain: name, authorities: held.authorities + [root], sequence: held.sequence + 1)
        identities.change { $0.bundle = bundle }
    }

    @Sendable private static func addKey(_ identities: TestIdentities) throws {
        let key = try JWTSigningKey.generate(for: identities.domain.name, notAfter: TestDomain.now + 3600)
        identities.change { $0.laterJWTKeys.append(key) }
    }
}
