public import Identity
internal import OpenSSLBinding

/// A request for a CA below ours, whose sender has shown that it holds the private key. It has to name the trust domain, as a URI, and
/// nothing else: who names anything more means another authority than the one that it would get.
public struct DownstreamRequest: Sendable {
    let proven: ProvenRequest

    /// - Parameter csrDER: one PKCS #10 request (RFC 2986).
    public init(csrDER: [UInt8], for trustDomain: TrustDomain) throws(IssuanceError) {
        proven = try ProvenRequest(csrDER: csrDER)
        let names: [UInt8]
        do throws(DERError) { names = try RequestedNames.find(in: csrDER) } catch {
            throw .unreadableRequest("its names are not as RFC 2986 has them")
        }
        let wanted = Extensions.alternativeNames(uri: SPIFFEID(trustDomain).description, dns: [])
        guard names == wanted else { throw .requestForOther(trustDomain) }
    }
}

/// Where in a request its subject alternative names are.
private enum RequestedNames {
    /// 1.2.840.113549.1.9.14
    private static let extensionRequest: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14]
    /// 2.5.29.17
    private static let alternativeName: [UInt8] = [0x55, 0x1d, 17]

    /// Their DER; empty where there are none. Attributes and extensions that stand twice are none of RFC 2986's.
    static func find(in csrDER: [UInt8]) throws(DERError) -> [UInt8] {
        var request = DERReader(try DERReader.only(.sequence, in: csrDER))
        var body = DERReader(try request.read(.sequence))
        _ = try body.read(.integer)
        for _ in ["subject", "key"] { _ = try body.read(.sequence) }
        var attributes = DERReader(body.isAtEnd ? [] : try body.read(.context0Constructed))
        try body.finish()
        var names: [UInt8] = []
        var hasExtensions = false
        while !attributes.isAtEnd {
            var attribute = DERReader(try attributes.read(.sequence))
            let kind = try attribute.read(.objectIdentifier)
            let values = try attribute.read(.set)
            try attribute.finish()
            guard kind == extensionRequest else { continue }
            guard !hasExtensions else { throw .badValue }
            hasExtensions = true
            names = try alternativeNames(DERReader.only(.sequence, in: values))
        }
        return names
    }

    private static func alternativeNames(_ extensions: [UInt8]) throws(DERError) -> [UInt8] {
        var list = DERReader(extensions)
        var names: [UInt8] = []
        while !list.isAtEnd {
            var one = DERReader(try list.read(.sequence))
            let kind = try one.read(.objectIdentifier)
            if one.nextTag == DERTag.boolean.rawValue { try one.readTrue() }
            let value = try one.read(.octetString)
            try one.finish()
            guard kind == alternativeName else { continue }
            guard names.isEmpty else { throw .badValue }
            names = value
        }
        return names
    }
}
