/// `host:port`, an IPv6 host in brackets.
struct AuthorityAddress: Sendable, Equatable {
    let host: String
    let port: Int

    init(_ text: String) throws(ConnectionFailure) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
            throw .badAddress(text)
        }
        var host = text[..<colon]
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw .badAddress(text)
        }
        guard !host.isEmpty else { throw .badAddress(text) }
        self.host = String(host)
        self.port = Int(port)
    }
}
