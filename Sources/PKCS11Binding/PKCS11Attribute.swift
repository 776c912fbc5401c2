internal import CPKCS11

/// An attribute of an object: its type and the bytes of its value.
struct PKCS11Attribute {
    let type: UInt
    let value: [UInt8]

    static func bytes(_ type: UInt, _ value: [UInt8]) -> PKCS11Attribute { PKCS11Attribute(type: type, value: value) }
    static func bool(_ type: UInt, _ value: Bool) -> PKCS11Attribute {
        PKCS11Attribute(type: type, value: [value ? 1 : 0])
    }

    static func objectClass(_ value: UInt) -> PKCS11Attribute {
        unsafe PKCS11Attribute(type: CKA_CLASS, value: withUnsafeBytes(of: CK_OBJECT_CLASS(value)) { unsafe Array($0) })
    }

    /// Lays attributes out as the C interface wants them, for the time of `body`.
    static func withTemplate(
        _ attributes: [PKCS11Attribute],
        _ body: (UnsafeMutablePointer<CK_ATTRIBUTE>, CK_ULONG) throws(PKCS11Error) -> Void
    ) throws(PKCS11Error) {
        let values = UnsafeMutableBufferPointer<UInt8>.allocate(
            capacity: max(attributes.map(\.value.count).reduce(0, +), 1))
        defer { unsafe values.deallocate() }
        let template = UnsafeMutablePointer<CK_ATTRIBUTE>.allocate(capacity: max(attributes.count, 1))
        defer { unsafe template.deallocate() }
        var offset = 0
        for (index, attribute) in attributes.enumerated() {
            let place = unsafe values.baseAddress! + offset
            unsafe place.initialize(from: attribute.value, count: attribute.value.count)
            unsafe (template + index).initialize(
                to: CK_ATTRIBUTE(type: attribute.type, pValue: place, ulValueLen: CK_ULONG(attribute.value.count)))
            offset += attribute.value.count
        }
        try unsafe body(template, CK_ULONG(attributes.count))
    }
}
