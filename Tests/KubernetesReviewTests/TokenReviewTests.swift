import JOSE
import Testing

@testable import KubernetesReview

/// Answers of a cluster's API, read.
@Suite struct TokenReviewTests {
    private static let good = """
        {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {"creationTimestamp": null},
         "status": {"authenticated": true, "audiences": ["podshield"],
          "user": {"username": "system:serviceaccount:kube-system:podshield", "uid": "1", "groups": ["g"],
           "extra": {"authentication.kubernetes.io/node-name": ["node-a"],
                     "authentication.kubernetes.io/node-uid": ["7f6e"]}}}}
        """

    private func read(_ text: String) throws -> TokenReview {
        try TokenReview(answer: JSONReader.read(Array(text.utf8)), audience: "podshield")
    }

    @Test func aServiceAccountOnANode() throws {
        let review = try read(Self.good)
        #expect(review.namespace == "kube-system" && review.serviceAccount == "podshield")
        #expect(review.node == "node-a" && review.nodeUID == "7f6e")
        let without = Self.good.replacing("node-uid", with: "other")
        #expect(try read(without).nodeUID == "")
    }

    @Test(arguments: [
        ("\"authenticated\": true", "\"authenticated\": false", TokenReviewError.notAuthenticated("")),
        ("\"authenticated\": true", "\"error\": \"it\\n has  expired\"", .notAuthenticated("it has expired")),
        ("\"authenticated\": true", "\"authenticated\": \"true\"", .notAuthenticated("")),
        ("\"authenticated\": true", "\"authenticated\": 1", .notAuthenticated("")),
        ("[\"podshield\"]", "[\"other\"]", .otherAudience), ("[\"podshield\"]", "[]", .otherAudience),
        ("[\"podshield\"]", "\"podshield\"", .otherAudience), ("\"audiences\"", "\"audience\"", .otherAudience),
        ("system:serviceaccount:kube-system:podshield", "system:node:a", .noServiceAccount("system:node:a")),
        ("kube-system:podshield", "kube-system", .noServiceAccount("system:serviceaccount:kube-system")),
        ("kube-system:podshield", "a:b:c", .noServiceAccount("system:serviceaccount:a:b:c")),
        ("kube-system:podshield", "a:", .noServiceAccount("system:serviceaccount:a:")),
        ("kube-system:podshield", "A:b", .noServiceAccount("system:serviceaccount:A:b")),
        ("node-name", "node", .noNode), ("[\"node-a\"]", "[\"node-a\", \"node-b\"]", .noNode),
        ("[\"node-a\"]", "[]", .noNode), ("[\"node-a\"]", "\"node-a\"", .noNode), ("[\"node-a\"]", "[7]", .noNode),
        ("\"TokenReview\"", "\"Status\"", .badAnswer("it is no TokenReview")),
        ("k8s.io/v1\"", "k8s.io/v1beta1\"", .badAnswer("it is no TokenReview")),
        ("\"status\"", "\"state\"", .badAnswer("it is no TokenReview")),
        ("\"username\"", "\"name\"", .badAnswer("it names no user")),
    ])
    func whatLetsNobodyIn(_ old: String, _ new: String, _ expected: TokenReviewError) throws {
        let text = Self.good.replacing(old, with: new)
        try #require(text != Self.good)
        #expect(throws: expected) { try read(text) }
    }

    @Test func aMemberThatComesTwiceIsNotJSON() {
        let text = Self.good.replacing("\"uid\": \"1\"", with: "\"username\": \"system:serviceaccount:a:b\"")
        #expect(throws: (any Error).self) { try read(text) }
    }
}
