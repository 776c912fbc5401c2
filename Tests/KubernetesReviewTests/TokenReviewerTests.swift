import Foundation
import KernelTestSupport
import OpenSSLBinding
import Testing

@testable import KubernetesReview

/// A real HTTPS server that checks tokens' signatures.
@Suite(.serialized, .blocking) struct TokenReviewerTests {
    private let cluster: ClusterProcess

    init() throws { cluster = try ClusterProcess() }

    @Test func aTokenIsReviewed() throws {
        let reviewer = try cluster.reviewer()
        for node in ["node-a", "node-b"] {
            let review = try reviewer.review(cluster.token("podshield", "node", on: node))
            #expect(review.namespace == "podshield" && review.serviceAccount == "node")
            #expect(review.node == node && review.nodeUID == "uid-of-\(node)")
        }
    }

    @Test func tokensThatAreNotGood() throws {
        let reviewer = try cluster.reviewer()
        let forged = try cluster.token("podshield", "node", on: "node-a", "--by", cluster.otherKey)
        let expired = try cluster.token("podshield", "node", on: "node-a", "--lifetime", "-1")
        let foreign = try cluster.token("podshield", "node", on: "node-a", "--audience", "vault")
        for token in [forged, expired, foreign] {
            #expect {
                try reviewer.review(token)
            } throws: { error in
                guard case .notAuthenticated(let reason) = error as? TokenReviewError else { return false }
                return reason.contains("invalid bearer token")
            }
        }
        let unbound = try cluster.token("podshield", "node", on: "-")
        #expect(throws: TokenReviewError.noNode) { try reviewer.review(unbound) }
    }

    /// Nor is it repeated in a request, where it could end a line.
    @Test(arguments: [
        "", "a.b", "a.b.c.d", "a.b.", "a.b.c\r\nX: y", "a.b.c d", "a.b.é", "a.b.=",
        "a.b." + String(repeating: "c", count: TokenReviewer.longestToken),
    ])
    func whatIsNoTokenIsShownToNobody(_ text: String) throws {
        cluster.end()
        #expect(throws: TokenReviewError.noToken) { try cluster.reviewer().review(text) }
    }

    @Test func anAuthorityThatMayNotReview() throws {
        let token = try cluster.token("podshield", "node", on: "node-a")
        #expect(throws: TokenReviewError.status(401)) { try cluster.reviewer(as: "a.b.c").review(token) }
        let other = try cluster.token("podshield", "other", on: "-", "--audience", "https://kubernetes.default.svc")
        #expect(throws: TokenReviewError.status(403)) { try cluster.reviewer(as: other).review(token) }
    }

    @Test func aServerThatIsNotTrustedHearsNothing() throws {
        let token = try cluster.token("podshield", "node", on: "node-a")
        let others = try Certificate.parsePEMChain(ClusterProcess().text("ca.pem"))
        let reviewer = try cluster.reviewer(trusting: others)
        #expect {
            try reviewer.review(token)
        } throws: { error in
            guard case .unreachable(let reason) = error as? TokenReviewError else { return false }
            return reason.contains("not the one that is trusted")
        }
        cluster.end()
        #expect {
            try cluster.reviewer().review(token)
        } throws: { error in
            if case .unreachable = error as? TokenReviewError { true } else { false }
        }
    }
}
