import Foundation
public import Identity
import OpenSSLBinding

extension Podshield_Authority_V1_Bundle {
    public init(_ bundle: TrustBundle) {
        self.init()
        trustDomain = bundle.trustDomain.name
        roots = bundle.authorities.map { Data($0.der) }
        sequence = bundle.sequence
        revocations = bundle.revocations.filter { bundle.authorities.contains($0.authority) }.map { Data($0.der) }
        issuers = bundle.revocations.filter { bundle.issuers.contains($0.authority) }.map { list in
            var issuer = Podshield_Authority_V1_Issuer()
            issuer.certificate = Data(list.authority.der)
            issuer.revocations = Data(list.der)
            return issuer
        }
        tainted = bundle.tainted.sorted { $0.lexicographicallyPrecedes($1) }.map { Data($0) }
    }

    /// Most roots, and most issuers below them, of a bundle that is accepted.
    public static var mostRoots: Int { 16 }

    /// Nil unless it is a bundle of this trust domain with at least one root, all of which may be roots, and lists of these and of
    /// issuers below them.
    public func parsed(in expected: TrustDomain) -> TrustBundle? {
        guard trustDomain == expected.name, (1...Self.mostRoots).contains(roots.count) else { return nil }
        guard let authorities = try? roots.map({ try Certificate(der: Array($0)) }) else { return nil }
        guard revocations.count <= authorities.count, let lists = try? lists(of: authorities) else { return nil }
        guard issuers.count <= Self.mostRoots, let below = try? issuers.map({ try $0.parsed() }) else { return nil }
        guard tainted.count <= 2 * Self.mostRoots, tainted.allSatisfy({ $0.count == 32 }) else { return nil }
        return try? TrustBundle(
            trustDomain: expected, authorities: authorities, issuers: below.map(\.authority),
            revocations: lists + below, tainted: Set(tainted.map(Array.init)), sequence: sequence)
    }

    /// Each by the root that has signed it: roots of one trust domain have one name.
    private func lists(of authorities: [Certificate]) throws(RevocationListRejection) -> [RevocationList] {
        try revocations.map { (der) throws(RevocationListRejection) in
            let lists = authorities.compactMap { try? RevocationList(der: Array(der), of: $0) }
            guard let list = lists.first else { throw .otherAuthority }
            return list
        }
    }
}

extension Podshield_Authority_V1_Issuer {
    fileprivate func parsed() throws -> RevocationList {
        try RevocationList(der: Array(revocations), of: Certificate(der: Array(certificate)))
    }
}
