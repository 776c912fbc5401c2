package import JOSE
package import OpenSSLBinding

/// What the PKI engine answers of an issuer, or when it has signed: a certificate and those above it. Read strictly, and not
/// checked in any way.
package struct VaultCertificates: Sendable {
    /// The one that was asked for first, then the others, each once.
    package let all: [Certificate]

    /// Each in PEM; more than any that is acceptable has.
    package static let longestText = 32768
    package static let most = 8

    package init(answer: JSONObject) throws(VaultError) {
        guard let facts = answer["data"]?.object, let first = facts["certificate"] else {
            throw .badAnswer("it has no certificate")
        }
        let others = try Self.elements(facts["ca_chain"]) + (facts["issuing_ca"].map { [$0] } ?? [])
        guard others.count <= Self.most else { throw .badAnswer("it has more certificates than a chain may have") }
        var all: [Certificate] = []
        for value in [first] + others {
            let certificate = try Self.certificate(value)
            if !all.contains(certificate) { all.append(certificate) }
        }
        self.all = all
    }

    private static func elements(_ value: JSONValue?) throws(VaultError) -> [JSONValue] {
        switch value {
        case nil, .null?: return []
        case let value?:
            guard let elements = value.elements else { throw .badAnswer("its chain is no list") }
            return elements
        }
    }

    private static func certificate(_ value: JSONValue) throws(VaultError) -> Certificate {
        guard let text = value.text, text.utf8.count <= longestText else {
            throw .badAnswer("a certificate is no text, or too long")
        }
        let found: [Certificate]
        do throws(OpenSSLError) { found = try Certificate.parsePEMChain(text) } catch {
            throw .badAnswer("a certificate cannot be read: \(error)")
        }
        guard found.count == 1 else { throw .badAnswer("where one certificate should be there are \(found.count)") }
        return found[0]
    }
}
