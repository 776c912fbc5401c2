package import OpenSSLBinding

/// What a certificate's extensions say, decoded strictly: the part of RFC 5280 section 4.2 that X509-SVID rules speak of.
package struct CertificateProfile: Equatable {
    /// Bytes of the URI subject alternative names.
    package private(set) var uris: [[UInt8]] = []
    package private(set) var dnsNames: [[UInt8]] = []
    /// Names that are neither URI nor DNS.
    package private(set) var hasOtherAlternativeNames = false
    package private(set) var alternativeNamesAreCritical = false
    package private(set) var isAuthority = false
    /// How many authorities may be below one another beneath it; nil when it does not say.
    package private(set) var pathLength: UInt32?
    package private(set) var keyUsage: KeyUsage?
    package private(set) var keyUsageIsCritical = false
    /// nil when there is no such extension.
    package private(set) var extendedKeyUsages: [[UInt8]]?
    /// Value of the binding extension, undecoded.
    package private(set) var binding: [UInt8]?

    package init(_ certificate: Certificate) throws(SVIDRejection) {
        var seen: Set<String> = []
        for `extension` in certificate.extensions {
            guard seen.insert(`extension`.oid).inserted else { throw .duplicateExtension(oid: `extension`.oid) }
            do throws(DERError) {
                try take(`extension`)
            } catch {
                throw .malformedExtension(oid: `extension`.oid)
            }
        }
    }

    private mutating func take(_ extension: CertificateExtension) throws(DERError) {
        switch `extension`.oid {
        case ExtensionID.subjectAlternativeName:
            try takeAlternativeNames(`extension`.value)
            alternativeNamesAreCritical = `extension`.isCritical
        case ExtensionID.basicConstraints:
            try takeBasicConstraints(`extension`.value)
        case ExtensionID.keyUsage:
            keyUsage = try KeyUsage(der: `extension`.value)
            keyUsageIsCritical = `extension`.isCritical
        case ExtensionID.extendedKeyUsage:
            extendedKeyUsages = try Self.elements(.objectIdentifier, in: `extension`.value)
        case PodshieldBinding.oid:
            binding = `extension`.value
        default: break
        }
    }

    private mutating func takeAlternativeNames(_ der: [UInt8]) throws(DERError) {
        var names = DERReader(try DERReader.only(.sequence, in: der))
        while !names.isAtEnd {
            let (tag, content) = try names.readAny()
            switch tag {
            case DERTag.context6.rawValue: uris.append(content)
            case DERTag.context2.rawValue: dnsNames.append(content)
            default: hasOtherAlternativeNames = true
            }
        }
    }

    private mutating func takeBasicConstraints(_ der: [UInt8]) throws(DERError) {
        var fields = DERReader(try DERReader.only(.sequence, in: der))
        if fields.nextTag == DERTag.boolean.rawValue {
            try fields.readTrue()
            isAuthority = true
        }
        // OpenSSL's to enforce.
        if !fields.isAtEnd { pathLength = try fields.readUInt32() }
        try fields.finish()
    }

    private static func elements(_ tag: DERTag, in der: [UInt8]) throws(DERError) -> [[UInt8]] {
        var list = DERReader(try DERReader.only(.sequence, in: der))
        var elements: [[UInt8]] = []
        while !list.isAtEnd {
            elements.append(try list.read(tag))
        }
        return elements
    }
}

/// Object identifiers of RFC 5280 section 4.2, dotted, and of the two extended key usages as DER content.
package enum ExtensionID {
    package static let subjectKeyIdentifier = "2.5.29.14"
    package static let keyUsage = "2.5.29.15"
    package static let subjectAlternativeName = "2.5.29.17"
    package static let basicConstraints = "2.5.29.19"
    package static let authorityKeyIdentifier = "2.5.29.35"
    package static let extendedKeyUsage = "2.5.29.37"

    /// 1.3.6.1.5.5.7.3.1
    package static let serverAuthentication: [UInt8] = [0x2b, 6, 1, 5, 5, 7, 3, 1]
    /// 1.3.6.1.5.5.7.3.2
    package static let clientAuthentication: [UInt8] = [0x2b, 6, 1, 5, 5, 7, 3, 2]
}
