public import Addressing
import Foundation
public import Identity
public import Issuance
public import OpenSSLBinding

/// A trust domain with its authority, and nodes and workloads in it at will.
public struct TestDomain: Sendable {
    public static let now = Int64(Date().timeIntervalSince1970)
    public let name: TrustDomain
    public let authority: CertificateAuthority

    public init(_ name: String = "td") throws {
        self.name = try TrustDomain(name)
        authority = try CertificateAuthority.createRoot(for: self.name, now: Self.now)
    }

    public var bundle: TrustBundle { authority.bundle }

    public func node(_ name: String, lifetime: Duration = .seconds(3600)) throws -> KeyedSVID {
        try issue(.node(name, in: self.name, lifetime: lifetime))
    }

    /// `number` nil leaves the binding extension out.
    public func workload(
        _ account: String, number: UInt32?, on node: SPIFFEID, lifetime: Duration = .seconds(3600),
        key: KeyAlgorithm = .ecP256
    ) throws -> KeyedSVID {
        let binding = try number.map { try PodshieldBinding(node: node, identity: NumericIdentity(rawValue: $0)) }
        return try issue(
            .workload(id: id("/ns/shop/sa/\(account)"), binding: binding, lifetime: lifetime), key)
    }

    public func server() throws -> KeyedSVID { try issue(.authority("main", in: name)) }

    public func id(_ path: String) throws -> SPIFFEID { try SPIFFEID(trustDomain: name, path: path) }
    public func nodeID(_ node: String) throws -> SPIFFEID { try ReservedNames.node(node, in: name) }

    private func issue(_ plan: IssuancePlan, _ algorithm: KeyAlgorithm = .ecP256) throws -> KeyedSVID {
        let key = try PrivateKey.generate(algorithm)
        let request = try ProvenRequest(csrDER: SigningRequest.make(key: key))
        return try KeyedSVID(svid: authority.sign(request, plan: plan, now: Self.now), key: key)
    }
}

extension IPAddress: ExpressibleByStringLiteral {
    public init(stringLiteral text: String) {
        guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
        self = address
    }
}

extension Directory.Lease {
    public init(_ prefix: String, _ node: UInt32, generation: UInt64 = 1) {
        guard let prefix = IPPrefix(prefix) else { preconditionFailure("\(prefix) is no prefix") }
        self.init(prefix: prefix, node: NodeNumber(rawValue: node), generation: generation)
    }
}
