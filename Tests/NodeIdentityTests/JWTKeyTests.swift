import AuthorityAPI
import Identity
import JOSE
import Testing

@testable import Authority
@testable import NodeIdentity

/// Keys for JWT-SVIDs that an operator leads on, as nodes hear of it.
@Suite(.timeLimit(.minutes(2))) struct JWTKeyTests {
    private let audience: JWTAudience
    private let authority: TestAuthority
    private let node: TestNode
    private let entry: WorkloadEntry

    init() async throws {
        audience = try JWTAudience(["db"])
        authority = try await TestAuthority()
        try await authority.entry("/own", selectors: [.userID(1000)])
        let node = try await TestNode.joined("node-a", to: authority)
        self.node = node
        try await eventually("an entry") { await node.service.entries?.isEmpty == false }
        try await eventually("keys for JWT-SVIDs") { !node.service.jwtBundle.authorities.isEmpty }
        entry = try #require(await node.service.entries?.inOrder.first)
    }

    private func token() async throws -> JWTSVID { try await node.service.jwtSVID(of: entry, audience: audience) }

    @Test func whatATaintedKeySignedIsGivenOutNoMore() async throws {
        let first = try await token()
        _ = try await authority.service.prepareKeyForTokens()
        authority.clock.advance(seconds: 15)
        let next = try await authority.service.activateKeyForTokens()
        #expect(try await token().token == first.token, "it is fresh")
        _ = try await authority.service.taintKeyForTokens(first.keyID)
        try await eventually("the node knows") { node.service.jwtBundle.authorities.contains(where: \.isTainted) }
        #expect(try await token().keyID == next.keyID)
        #expect(try node.service.validate(first.token, audience: "db").id == entry.spiffeID, "it is good")
        // Over a restart of the node, too.
        await node.stop()
        let again = try TestNode(in: node.directory, clock: authority.clock)
        #expect(again.service.jwtBundle.authorities.filter(\.isTainted).map(\.keyID) == [first.keyID])
    }

    @Test func whatARevokedKeySignedIsRefusedByNodes() async throws {
        let first = try await token()
        _ = try await authority.service.revokeKeyForTokens(first.keyID, force: true)
        try await eventually("the node knows") {
            node.service.jwtBundle.authorities.allSatisfy { $0.keyID != first.keyID }
        }
        #expect(throws: JWTRejection.unknownKey(first.keyID)) { try node.service.validate(first.token, audience: "db") }
        let next = try await token()
        #expect(next.keyID != first.keyID)
        #expect(try node.service.validate(next.token, audience: "db").id == entry.spiffeID)
    }
}
