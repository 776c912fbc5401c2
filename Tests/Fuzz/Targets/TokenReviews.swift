import JOSE
import KubernetesReview

/// What a cluster's API, or whoever has its place, answers about a token. What is accepted names a service account of the form
/// that clusters have, and says of itself what was asked for.
func fuzzTokenReview(_ input: [UInt8]) {
    guard let answer = try? JSONReader.read(input),
        let review = try? TokenReview(answer: answer, audience: "podshield")
    else { return }
    precondition(TokenReview.isName(review.namespace) && TokenReview.isName(review.serviceAccount))
    let status = answer.object?["status"]?.object
    guard case .bool(true) = status?["authenticated"] else { preconditionFailure("not authenticated") }
    precondition(status?["audiences"]?.elements?.contains { $0.text == "podshield" } == true)
    precondition(status?["user"]?.object?["username"]?.text?.hasPrefix("system:serviceaccount:") == true)
}
