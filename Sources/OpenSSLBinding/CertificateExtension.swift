internal import COpenSSL

/// One X.509 extension (RFC 5280 section 4.2), undecoded.
public struct CertificateExtension: Sendable, Equatable {
    /// Dotted decimal object identifier.
    public let oid: String
    public let isCritical: Bool
    /// The DER inside the extension's OCTET STRING.
    public let value: [UInt8]

    public init(oid: String, isCritical: Bool, value: [UInt8]) {
        self.oid = oid
        self.isCritical = isCritical
        self.value = value
    }

    /// Reads one of a certificate's extensions.
    init(_ pointer: OpaquePointer) throws(OpenSSLError) {
        oid = try unsafe Self.text(of: X509_EXTENSION_get_object(pointer))
        isCritical = unsafe X509_EXTENSION_get_critical(pointer) == 1
        let octets = try unsafe OpenSSL.require("X509_EXTENSION_get_data", X509_EXTENSION_get_data(pointer))
        value = unsafe Array(UnsafeBufferPointer(start: octets.pointee.data, count: Int(octets.pointee.length)))
    }

    private static func text(of object: OpaquePointer?) throws(OpenSSLError) -> String {
        var text = [CChar](repeating: 0, count: 128)
        let count = unsafe Int(OBJ_obj2txt(&text, Int32(text.count), object, 1))
        guard (1..<text.count).contains(count) else { throw OpenSSLError(draining: "OBJ_obj2txt") }
        return String(decoding: text.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Adds the extension to a certificate that is being made.
    func append(to certificate: OpaquePointer) throws(OpenSSLError) {
        let object = try unsafe OpenSSL.require("OBJ_txt2obj", OBJ_txt2obj(oid, 1))
        defer { unsafe ASN1_OBJECT_free(object) }
        let octets = try unsafe OpenSSL.require("ASN1_OCTET_STRING_new", ASN1_OCTET_STRING_new())
        defer { unsafe ASN1_OCTET_STRING_free(octets) }
        let stored = unsafe ASN1_OCTET_STRING_set(octets, value, Int32(value.count))
        try OpenSSL.check("ASN1_OCTET_STRING_set", stored)
        let made = unsafe X509_EXTENSION_create_by_OBJ(nil, object, isCritical ? 1 : 0, octets)
        let `extension` = try unsafe OpenSSL.require("X509_EXTENSION_create_by_OBJ", made)
        defer { unsafe X509_EXTENSION_free(`extension`) }
        try unsafe OpenSSL.check("X509_add_ext", X509_add_ext(certificate, `extension`, -1))
    }
}
