internal import FoundationEssentials
internal import NetnsProtocol

/// A line at either end of the namespace helper's socket.
func fuzzNamespaceHelper(_ input: [UInt8]) {
    let line = Data(input)
    if let request = try? JSONDecoder().decode(PodNetworkRequest.self, from: line) {
        precondition((576...65535).contains(request.mtu))
        let segments = request.namespace.text.split(separator: "/", omittingEmptySubsequences: false)
        precondition(segments.first == "" && segments.allSatisfy { $0 != "." && $0 != ".." }, "a way out")
        precondition(request.interface.map { !$0.contains("/") } ?? true)
        precondition(repeated(request) == request)
    }
    if let reply = try? JSONDecoder().decode(PodNetworkReply.self, from: line) {
        if case .done(let pod) = reply { precondition(pod.podMAC.count == 6) }
        precondition(repeated(reply) == reply)
    }
}

private func repeated<Value: Codable>(_ value: Value) -> Value? {
    (try? JSONEncoder().encode(value)).flatMap { try? JSONDecoder().decode(Value.self, from: $0) }
}
