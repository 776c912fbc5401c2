import Foundation
import Identity
import Issuance
import OpenSSLBinding
import SPIREAPI
import SPIREUpstream
import SwiftProtobuf
import Testing

/// What a server of SPIRE may answer.
@Suite struct SignedAuthorityTests {
    private let root: Certificate
    private let other: Certificate
    private let below: Certificate
    private let bundle: TrustBundle

    init() throws {
        let pki = try MachinePKI("root")
        root = pki.root
        other = try MachinePKI("other").root
        let order = MachinePKI.Order(commonName: "below", isAuthority: true, usage: [.keyCertSign], purposes: nil)
        below = try order.certificate(of: PrivateKey.generate().publicKey, by: pki.key, under: pki.root)
        bundle = try TrustBundle(trustDomain: trustDomain, authorities: [root, other], sequence: 1)
    }

    private func read(_ chain: [[UInt8]], roots: [Certificate] = []) throws -> [Certificate] {
        let answer = Spire_Api_Server_Svid_V1_NewDownstreamX509CAResponse.with {
            $0.caCertChain = chain.map { Data($0) }
            $0.x509Authorities = roots.map { Data($0.der) }
        }
        return try SignedAuthority(answer, trusting: bundle).certificates
    }

    /// Whatever the server says of roots.
    @Test func aRootIsWhatTheWorkloadAPICallsOne() throws {
        #expect(try read([below.der]) == [below, root])
        #expect(try read([below.der], roots: [other]) == [below, root])
        // Some send it along.
        #expect(try read([below.der, root.der]) == [below, root])
        let stranger = try MachinePKI("stranger")
        let order = MachinePKI.Order(commonName: "b", isAuthority: true, usage: [.keyCertSign], purposes: nil)
        let signed = try order.certificate(
            of: PrivateKey.generate().publicKey, by: stranger.key, under: stranger.root)
        #expect(throws: UpstreamError("the server's answer leads to no root that the Workload API names")) {
            try read([signed.der], roots: [stranger.root])
        }
    }

    @Test func whatIsNoAnswerIsRefused() throws {
        #expect(throws: UpstreamError("the server's answer has no certificate")) { try read([]) }
        #expect(throws: UpstreamError("the server's answer has no certificate but roots")) { try read([root.der]) }
        let long = UpstreamError("the server's answer has more certificates than a chain may have")
        #expect(throws: long) { try read([[UInt8]](repeating: below.der, count: 4)) }
        #expect(throws: long) { try read([[UInt8](repeating: 0x30, count: SVIDVerifier.maximumBytes + 1)]) }
        for bytes in [[], [1, 2, 3], below.der + [0], Array(below.der.dropLast())] {
            #expect(throws: UpstreamError.self) { try read([bytes]) }
        }
    }
}
