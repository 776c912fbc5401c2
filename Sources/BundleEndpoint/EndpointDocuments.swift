internal import Identity
public import JOSE
internal import OpenSSLBinding
internal import PrintableText

/// What the endpoint has to say, encoded and hashed: to do so for everybody who asks would take too long.
public struct EndpointDocuments: Sendable {
    /// What is at a path, and what tells it from what was there before.
    struct Content: Sendable {
        let type: String
        let bytes: [UInt8]
        let sha256: [UInt8]
    }

    private let texts: [String: Content]
    private let lists: [RevocationList]
    /// Seconds for which an answer is good.
    let age: Int64

    /// - Parameters:
    ///   - bundle: with its refresh hint, which is also how long others may keep what they were given.
    ///   - discovery: nil where tokens name no issuer.
    public init(bundle: BundleDocument, discovery: DiscoveryDocument?) {
        var texts = ["/": bundle.encoded]
        texts[DiscoveryDocument.configurationPath] = discovery?.configuration
        texts[DiscoveryDocument.keysPath] = discovery?.keys
        self.texts = texts.mapValues { Content(json: $0) }
        lists = bundle.bundle.revocations
        age = (bundle.refreshHint ?? .seconds(300)).components.seconds
    }

    /// Nil where there is nothing.
    func content(at path: String) -> Content? { texts[path] ?? list(at: path).map { Content($0) } }

    /// The newest list of one authority: `/crl/KEY.crl`, where KEY is its key identifier in hexadecimal, as stands in what it issued
    /// (RFC 2585 sections 3 and 4.2, RFC 5280 section 4.2.1.1).
    private func list(at path: String) -> RevocationList? {
        lists.first { list in
            list.authority.keyIdentifier.map { "/crl/\($0.hexadecimal).crl" == path } ?? false
        }
    }
}

extension EndpointDocuments.Content {
    fileprivate init(json text: String) {
        let bytes = Array(text.utf8)
        self.init(type: "application/json", bytes: bytes, sha256: SHA256Digest.hash(bytes))
    }

    fileprivate init(_ list: RevocationList) {
        self.init(type: "application/pkix-crl", bytes: list.der, sha256: list.sha256)
    }
}

/// An answer of the endpoint.
struct EndpointAnswer: Equatable {
    var status: Int
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []

    static func == (a: Self, b: Self) -> Bool {
        a.status == b.status && a.body == b.body && a.headers.elementsEqual(b.headers) { $0 == $1 }
    }

    /// - Parameters:
    ///   - target: as the request line has it (RFC 9112 section 3.2).
    ///   - known: the value of `If-None-Match`.
    init(method: String, target: String, known: String?, _ documents: EndpointDocuments) {
        guard let content = documents.content(at: Self.path(target)) else {
            self.init(status: 404)
            return
        }
        guard ["GET", "HEAD"].contains(method) else {
            self.init(status: 405, headers: [("Allow", "GET, HEAD")])
            return
        }
        let tag = "\"\(content.sha256.hexadecimal)\""
        let headers = [("ETag", tag), ("Cache-Control", "max-age=\(documents.age)")]
        guard known != tag else {
            self.init(status: 304, headers: headers)
            return
        }
        self.init(status: 200, headers: [("Content-Type", content.type)] + headers, body: content.bytes)
    }

    init(status: Int, headers: [(String, String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers.map { (name: $0.0, value: $0.1) }
        self.body = body
    }

    /// Of the target, without a query, which says nothing here. Clients of proxies may send a whole URL (RFC 9112 section 3.2.2).
    private static func path(_ target: String) -> String {
        guard let scheme = ["https://", "http://"].first(where: { target.lowercased().hasPrefix($0) }) else {
            return String(target.prefix { $0 != "?" })
        }
        let path = target.dropFirst(scheme.count).drop { $0 != "/" && $0 != "?" }.prefix { $0 != "?" }
        return path.isEmpty ? "/" : String(path)
    }
}
