import Identity
import Issuance
import JOSE
import Testing

@testable import Federation

@Suite struct ForeignBundleTests {
    private let domain: TrustDomain
    private let bundle: TrustBundle

    init() throws {
        domain = try TrustDomain("partner.example")
        bundle = try CertificateAuthority.createRoot(for: domain, now: 1_800_000_000).bundle
    }

    private func foreign(sequence: UInt64 = 1, hint: Duration? = nil) throws -> ForeignBundle {
        var bundle = bundle
        bundle.sequence = sequence
        return try ForeignBundle(
            BundleDocument(bundle: bundle, jwtBundle: .empty(domain), refreshHint: hint))
    }

    /// What a document asks for counts within a minute and a day.
    @Test(
        arguments: [
            (nil, 300), (.seconds(0), 60), (.seconds(59), 60), (.seconds(600), 600), (.seconds(Int64.max), 86400),
        ] as [(Duration?, Int64)])
    func theHintHasBounds(_ hint: Duration?, _ seconds: Int64) throws {
        #expect(try foreign(hint: hint).refreshPause == .seconds(seconds))
    }

    @Test func aDocumentDoesNotGoBack() throws {
        let held = try foreign(sequence: 7)
        #expect(throws: FederationError.rolledBack(from: 7, to: 6)) {
            try foreign(sequence: 6).checkSuccession(to: held)
        }
        for sequence in [7, 8] as [UInt64] {
            #expect(throws: Never.self) { try foreign(sequence: sequence).checkSuccession(to: held) }
        }
        #expect(throws: Never.self) { try foreign(sequence: 0).checkSuccession(to: nil) }
    }

    @Test func whatIsPassedOnHasALimit() throws {
        let roots = try (0..<240).map { _ in
            try CertificateAuthority.createRoot(for: domain, now: 1_800_000_000).certificate
        }
        let large = try TrustBundle(trustDomain: domain, authorities: roots, sequence: 1)
        let error = #expect(throws: FederationError.self) {
            try ForeignBundle(BundleDocument(bundle: large, jwtBundle: .empty(domain)))
        }
        if case .tooLarge(let bytes) = error {
            #expect(bytes > ForeignBundle.largest)
        } else {
            Issue.record("\(String(describing: error))")
        }
    }

    /// What we do not understand goes no further.
    @Test func itIsPassedOnInOurOwnWords() throws {
        let text = try foreign(sequence: 5).encoded.replacing(
            "\"keys\":[", with: "\"extra\":1,\"keys\":[{\"kty\":\"x\"},")
        let read = try ForeignBundle(parsing: Array(text.utf8), of: domain)
        #expect(read.encoded == (try foreign(sequence: 5).encoded))
    }

    @Test func nobodyFederatesWithOneself() throws {
        #expect(throws: FederationError.ownTrustDomain) {
            try Relationship(with: domain, of: domain, at: EndpointURL("https://a"), profile: .web)
        }
    }
}
