package import OpenSSLBinding

extension Certificate {
    /// Its subject key identifier (RFC 5280 section 4.2.1.2); nil where it does not have exactly one.
    package var keyIdentifier: [UInt8]? {
        let identifiers = extensions(ExtensionID.subjectKeyIdentifier)
        guard identifiers.count == 1 else { return nil }
        return try? DERReader.only(.octetString, in: identifiers[0].value)
    }
}
