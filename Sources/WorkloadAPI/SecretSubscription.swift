package import WorkloadProtocol

/// What one stream of an Envoy has asked for, has been told and has said to that (Envoy's xDS protocol, state of the world).
package struct SecretSubscription {
    package typealias Request = Envoy_Service_Discovery_V3_DiscoveryRequest

    /// Nil before the first request.
    package private(set) var names: [String]?
    private var version: UInt64 = 0
    private var told: X509Context?

    /// How many names one request may have.
    package static let longest = 64
    /// How many characters of a reason are told.
    package static let longestReason = 256

    package init() {}

    /// Takes a request. One that answers a message which is no longer the newest is overtaken, and changes nothing. One that
    /// accepts or rejects the newest asks for nothing: what an Envoy rejects it would reject again.
    ///
    /// Returns why a message was rejected, if that is what it says.
    package mutating func take(_ request: Request) throws(Denial) -> String? {
        try Self.check(request)
        if names == nil || request.responseNonce == nonce {
            if names != request.resourceNames { told = nil }
            names = request.resourceNames
        }
        return request.hasErrorDetail ? String(request.errorDetail.message.prefix(Self.longestReason)) : nil
    }

    static func check(_ request: Request) throws(Denial) {
        guard request.typeURL.isEmpty || request.typeURL == Secrets.typeURL else {
            throw .badRequest("only secrets are offered")
        }
        guard request.resourceNames.count <= longest else { throw .badRequest("more than \(longest) names") }
    }

    /// Names to tell of, when there is news for them.
    mutating func news(_ context: X509Context) -> [String]? {
        guard let names, told != context else { return nil }
        told = context
        version += 1
        return names
    }

    /// Of the newest message; its version, too.
    package var nonce: String { "\(version)" }
}
