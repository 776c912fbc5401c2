import Foundation
import Identity
import Issuance
import JOSE
import OpenSSLBinding
import SPIREAPI
import SPIREUpstream
import SwiftProtobuf
import Testing

/// What a server of SPIRE may tell of keys for JWT-SVIDs.
@Suite struct ToldKeysTests {
    private func key(_ id: String, _ algorithm: KeyAlgorithm = .ecP256) throws -> Spire_Api_Types_JWTKey {
        let der = try PrivateKey.generate(algorithm).publicKey.subjectPublicKeyInfo
        return .with { ($0.keyID, $0.publicKey, $0.expiresAt) = (id, Data(der), 2_000_000_000) }
    }

    private func read(_ keys: [Spire_Api_Types_JWTKey], domain: String = "example.org") throws -> [PublishedKey] {
        try ToldKeys(.with { ($0.trustDomain, $0.jwtAuthorities) = (domain, keys) }, of: trustDomain).keys
    }

    @Test func whatIsNoKeyIsPassedOver() throws {
        let good = try key("a")
        var tainted = try key("b", .ecP384)
        tainted.tainted = true
        tainted.expiresAt = 0
        var (cut, negative) = (good, try key("n"))
        cut.keyID = "c"
        cut.publicKey = Data(cut.publicKey.dropLast())
        negative.expiresAt = -1
        let read = try read([
            good, tainted, cut, try key("a"), try key("r", .rsa2048), try key("e", .ed25519), try key(""),
            try key("x y"),
            negative, .with { $0.keyID = "z" },
        ])
        #expect(read.map(\.authority.keyID) == ["a", "b"] && read.map(\.authority.isTainted) == [false, true])
        #expect(read.map(\.notAfter) == [2_000_000_000, 0])
        #expect(Data(read[0].authority.key.subjectPublicKeyInfo) == good.publicKey)
    }

    @Test func whatIsNoBundleIsRefused() throws {
        let key = try key("a")
        #expect(throws: UpstreamError("the server's bundle is another trust domain's")) {
            try read([key], domain: "other.example")
        }
        #expect(throws: UpstreamError("the server's bundle has too many keys")) {
            try read([Spire_Api_Types_JWTKey](repeating: key, count: ToldKeys.most + 1))
        }
    }
}
