import Identity
import JOSE
import SwiftProtobuf
import WorkloadAPI
import WorkloadProtocol

/// What a process asks the Workload API for: tokens, and secrets as an Envoy does, one request after another.
func fuzzWorkloadRequests(_ input: [UInt8]) {
    var reader = InputReader(input)
    if reader.byte() % 2 == 0 {
        fuzzTokenRequest(&reader)
    } else {
        fuzzSecretRequests(&reader)
    }
}

private func fuzzTokenRequest(_ reader: inout InputReader) {
    let bytes = reader.bytes(1 << 16)
    guard let request = try? JWTSVIDRequest(serializedBytes: bytes),
        let wish = try? TokenWish(request.audience, id: request.spiffeID)
    else { return }
    precondition(wish.id.map(\.description) == (request.spiffeID.isEmpty ? nil : request.spiffeID))
    let audience = wish.audience.values
    precondition((1...JWTAudience.most).contains(audience.count) && audience.allSatisfy { !$0.isEmpty })
    precondition(audience.map(\.utf8.count).reduce(0, +) <= JWTAudience.largest)
    precondition(audience.allSatisfy(request.audience.contains))
}

private func fuzzSecretRequests(_ reader: inout InputReader) {
    var subscription = SecretSubscription()
    while !reader.isAtEnd {
        let length = reader.index(below: 1 << 12)
        guard let request = try? SecretSubscription.Request(serializedBytes: reader.bytes(length)) else { continue }
        let before = subscription.names
        let reason: String?
        do { reason = try subscription.take(request) } catch {
            precondition(subscription.names == before)
            continue
        }
        precondition((reason?.count ?? 0) <= SecretSubscription.longestReason)
        let isOvertaken = before != nil && request.responseNonce != subscription.nonce
        precondition(subscription.names == (isOvertaken ? before : request.resourceNames))
    }
    precondition((subscription.names?.count ?? 0) <= SecretSubscription.longest)
}
