package import OpenSSLBinding
internal import PrintableText

extension RevocationList {
    /// What stands in a list, before anything of it is believed (RFC 5280 section 5.1).
    struct Contents {
        /// The bytes that the signature is over.
        let signed: [UInt8]
        let signature: [UInt8]
        let issuer: [UInt8]
        let thisUpdate: Int64
        let nextUpdate: Int64
        var serials: Set<String> = []
        let number: UInt64

        /// Reads one that says to be signed as keys of the authority's kind do.
        init(_ der: [UInt8], _ authority: Certificate) throws(DERError) {
            guard let algorithm = SignatureAlgorithm.identifier(of: authority.publicKey.kind) else { throw .badValue }
            var list = DERReader(try DERReader.only(.sequence, in: der))
            let body = try list.read(.sequence)
            guard DER.element(.sequence, try list.read(.sequence)) == algorithm else { throw .badValue }
            let bits = try list.read(.bitString)
            try list.finish()
            // No unused bits.
            guard bits.first == 0 else { throw .badValue }
            signature = Array(bits.dropFirst())
            signed = DER.element(.sequence, body)

            var fields = DERReader(body)
            guard try fields.readUInt32() == 1, DER.element(.sequence, try fields.read(.sequence)) == algorithm else {
                throw .badValue
            }
            issuer = DER.element(.sequence, try fields.read(.sequence))
            thisUpdate = try DERTime.read(&fields)
            nextUpdate = try DERTime.read(&fields)
            if fields.nextTag == DERTag.sequence.rawValue { serials = try Self.serials(in: fields.read(.sequence)) }
            number = try Self.number(in: fields.read(.context0Constructed))
            try fields.finish()
        }

        private static func serials(in revoked: [UInt8]) throws(DERError) -> Set<String> {
            var serials: Set<String> = []
            var entries = DERReader(revoked)
            while !entries.isAtEnd {
                var entry = DERReader(try entries.read(.sequence))
                serials.insert(try entry.readMagnitude().hexadecimal)
                _ = try DERTime.read(&entry)
                guard !entry.isAtEnd else { continue }
                try readExtensions(entry.read(.sequence)) { (_, _) throws(DERError) in }
                try entry.finish()
            }
            // No empty list of entries (RFC 5280 section 5.1.2.6).
            guard !serials.isEmpty else { throw .badValue }
            return serials
        }

        private static func number(in extensions: [UInt8]) throws(DERError) -> UInt64 {
            var number: UInt64?
            try readExtensions(DERReader.only(.sequence, in: extensions)) { (oid, value) throws(DERError) in
                guard oid == ListExtension.number else { return }
                guard number == nil else { throw .badValue }
                var reader = DERReader(value)
                let magnitude = try reader.readMagnitude()
                try reader.finish()
                guard magnitude.count <= 8 else { throw .badValue }
                number = magnitude.reduce(0) { $0 << 8 | UInt64($1) }
            }
            guard let number else { throw .badValue }
            return number
        }

        /// A critical one could change what the list means, as those of partial lists do; we know none.
        private static func readExtensions(
            _ content: [UInt8], _ take: (_ oid: [UInt8], _ value: [UInt8]) throws(DERError) -> Void
        ) throws(DERError) {
            var extensions = DERReader(content)
            while !extensions.isAtEnd {
                var fields = DERReader(try extensions.read(.sequence))
                let oid = try fields.read(.objectIdentifier)
                let value = try fields.read(.octetString)
                try fields.finish()
                try take(oid, value)
            }
        }
    }
}

/// Object identifiers of the extensions of lists and their entries (RFC 5280 sections 5.2 and 5.3), as DER content.
package enum ListExtension {
    /// 2.5.29.20
    package static let number: [UInt8] = [0x55, 0x1d, 0x14]
    /// 2.5.29.21
    package static let reason: [UInt8] = [0x55, 0x1d, 0x15]
    /// 2.5.29.35
    package static let authorityKey: [UInt8] = [0x55, 0x1d, 0x23]
}

/// AlgorithmIdentifiers of `PublicKey.Kind.certificateScheme`.
package enum SignatureAlgorithm {
    /// Nil for keys that are not ours to use.
    package static func identifier(of kind: PublicKey.Kind) -> [UInt8]? {
        switch kind {
        case .ecP256: DER.sequence(DER.element(.objectIdentifier, ecdsaWithSHA256))
        case .ecP384: DER.sequence(DER.element(.objectIdentifier, ecdsaWithSHA384))
        case .ed25519: DER.sequence(DER.element(.objectIdentifier, ed25519))
        case .rsa: DER.sequence(DER.element(.objectIdentifier, rsaWithSHA256), DER.element(.null, []))
        case .ecP521, .other: nil
        }
    }

    /// RFC 5758 section 3.2.
    private static let ecdsaWithSHA256: [UInt8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]
    private static let ecdsaWithSHA384: [UInt8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3]
    /// RFC 8410 section 3.
    private static let ed25519: [UInt8] = [0x2b, 0x65, 0x70]
    /// RFC 4055 section 5.
    private static let rsaWithSHA256: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11]
}
