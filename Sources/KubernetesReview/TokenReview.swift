package import JOSE
internal import PrintableText

/// What a cluster's API says of a service account's token (TokenReview of `authentication.k8s.io/v1`), read strictly.
package struct TokenReview: Sendable, Equatable {
    package let namespace: String
    package let serviceAccount: String
    /// Where the pod runs that the token is bound to.
    package let node: String
    /// Empty where the cluster does not say.
    package let nodeUID: String

    private static let version = "authentication.k8s.io/v1"
    private static let userPrefix = ["system", "serviceaccount"]
    private static let nodeName = "authentication.kubernetes.io/node-name"
    private static let nodeID = "authentication.kubernetes.io/node-uid"
    private static let longestReason = 200

    /// The request: whether the token is good for this audience.
    static func request(token: String, audience: String) -> JSONObject {
        JSONObject([
            "apiVersion": .string(version), "kind": .string("TokenReview"),
            "spec": .object(JSONObject(["token": .string(token), "audiences": .array([.string(audience)])])),
        ])
    }

    /// Throws unless the cluster knows the token, for this audience, as a service account's on a node.
    package init(answer: JSONValue, audience: String) throws(TokenReviewError) {
        guard let object = answer.object, object["kind"]?.text == "TokenReview",
            object["apiVersion"]?.text == Self.version, let status = object["status"]?.object
        else { throw .badAnswer("it is no TokenReview") }
        guard case .bool(true) = status["authenticated"] else {
            throw .notAuthenticated(Self.reason(status["error"]?.text ?? ""))
        }
        // A server that does not know of audiences authenticates tokens for any.
        let audiences = (status["audiences"]?.elements ?? []).compactMap(\.text)
        guard audiences.contains(where: { $0.utf8.elementsEqual(audience.utf8) }) else { throw .otherAudience }
        guard let user = status["user"]?.object, let name = user["username"]?.text else {
            throw .badAnswer("it names no user")
        }
        (namespace, serviceAccount) = try Self.account(name)
        let extra = user["extra"]?.object ?? JSONObject()
        guard let node = Self.only(extra[Self.nodeName]) else { throw .noNode }
        self.node = node
        nodeUID = Self.only(extra[Self.nodeID]) ?? ""
    }

    private static func account(_ user: String) throws(TokenReviewError) -> (String, String) {
        let parts = user.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4, Array(parts.prefix(2)) == userPrefix, parts[2...].allSatisfy(isName) else {
            throw .noServiceAccount(reason(user))
        }
        return (parts[2], parts[3])
    }

    /// An object's name in a cluster (RFC 1123 subdomain).
    package static func isName(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || "-.".utf8.contains($0)
            }
    }

    private static func only(_ values: JSONValue?) -> String? {
        guard let elements = values?.elements, elements.count == 1 else { return nil }
        return elements[0].text
    }

    /// It goes into the journal.
    static func reason(_ text: String) -> String {
        String(text.split(whereSeparator: \.isWhitespace).joined(separator: " ").prefix(longestReason))
    }
}
