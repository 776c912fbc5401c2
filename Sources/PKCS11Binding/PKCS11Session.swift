internal import CPKCS11
internal import OpenSSLBinding

/// A session that is logged in.
@safe final class PKCS11Session {
    private let module: PKCS11Module
    private let handle: CK_SESSION_HANDLE

    private var functions: UnsafeMutablePointer<CK_FUNCTION_LIST> { unsafe module.functions }

    /// - Parameter writable: to make a key.
    init(_ module: PKCS11Module, slot: CK_SLOT_ID, pin: SecretBytes, writable: Bool) throws(PKCS11Error) {
        var handle: CK_SESSION_HANDLE = 0
        let flags = CK_FLAGS(CKF_SERIAL_SESSION | (writable ? CKF_RW_SESSION : 0))
        let opened = unsafe module.functions.pointee.C_OpenSession(slot, flags, nil, nil, &handle)
        try PKCS11Module.check("C_OpenSession", opened)
        self.module = module
        self.handle = handle
        let result = unsafe pin.withUnsafeBytes { bytes in
            let text = unsafe UnsafeMutableRawPointer(mutating: bytes.baseAddress)?.assumingMemoryBound(to: UInt8.self)
            return unsafe module.functions.pointee.C_Login(handle, CK_USER_TYPE(CKU_USER), text, CK_ULONG(bytes.count))
        }
        guard result == CKR_OK || result == CKR_USER_ALREADY_LOGGED_IN else { throw .call("C_Login", code: result) }
    }

    deinit { _ = unsafe functions.pointee.C_CloseSession(handle) }

    /// Whether the token still knows the session.
    func check() throws(PKCS11Error) {
        var info = CK_SESSION_INFO()
        try PKCS11Module.check("C_GetSessionInfo", unsafe functions.pointee.C_GetSessionInfo(handle, &info))
    }

    // MARK: Objects

    /// At most three, which is enough to tell one from several.
    func find(_ template: [PKCS11Attribute]) throws(PKCS11Error) -> [CK_OBJECT_HANDLE] {
        try unsafe PKCS11Attribute.withTemplate(template) { pointer, count throws(PKCS11Error) in
            let started = unsafe functions.pointee.C_FindObjectsInit(handle, pointer, count)
            try PKCS11Module.check("C_FindObjectsInit", started)
        }
        defer { _ = unsafe functions.pointee.C_FindObjectsFinal(handle) }
        var objects = [CK_OBJECT_HANDLE](repeating: 0, count: 3)
        var count: CK_ULONG = 0
        try PKCS11Module.check("C_FindObjects", unsafe functions.pointee.C_FindObjects(handle, &objects, 3, &count))
        return Array(objects.prefix(Int(count)))
    }

    /// The value of an attribute; nil where the object does not have it or does not show it.
    func value(_ type: UInt, of object: CK_OBJECT_HANDLE) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 2048)
        var count = 0
        let result = unsafe bytes.withUnsafeMutableBytes { memory in
            var attribute = unsafe CK_ATTRIBUTE(
                type: type, pValue: memory.baseAddress, ulValueLen: CK_ULONG(memory.count))
            let result = unsafe functions.pointee.C_GetAttributeValue(handle, object, &attribute, 1)
            count = unsafe Int(exactly: attribute.ulValueLen) ?? 0
            return result
        }
        return result == CKR_OK ? Array(bytes.prefix(count)) : nil
    }

    /// A key pair on P-256 that stays in the token; the private half signs and can never be shown.
    func generate(label: String?, id: [UInt8]) throws(PKCS11Error) {
        let names = [.bytes(CKA_ID, id)] + (label.map { [PKCS11Attribute.bytes(CKA_LABEL, Array($0.utf8))] } ?? [])
        let publicHalf: [PKCS11Attribute] = [
            .bool(CKA_TOKEN, true), .bool(CKA_VERIFY, true), .bytes(CKA_EC_PARAMS, EllipticCurve.p256.parameters),
        ]
        let privateHalf: [PKCS11Attribute] = [
            .bool(CKA_TOKEN, true), .bool(CKA_PRIVATE, true), .bool(CKA_SENSITIVE, true),
            .bool(CKA_EXTRACTABLE, false), .bool(CKA_SIGN, true),
        ]
        try unsafe PKCS11Attribute.withTemplate(publicHalf + names) { shown, shownCount throws(PKCS11Error) in
            try unsafe PKCS11Attribute.withTemplate(privateHalf + names) { hidden, hiddenCount throws(PKCS11Error) in
                var mechanism = unsafe CK_MECHANISM(mechanism: CKM_EC_KEY_PAIR_GEN, pParameter: nil, ulParameterLen: 0)
                var (first, second) = (CK_OBJECT_HANDLE(0), CK_OBJECT_HANDLE(0))
                let result = unsafe functions.pointee.C_GenerateKeyPair(
                    handle, &mechanism, shown, shownCount, hidden, hiddenCount, &first, &second)
                try PKCS11Module.check("C_GenerateKeyPair", result)
            }
        }
    }

    // MARK: Signing

    func sign(_ input: [UInt8], with key: CK_OBJECT_HANDLE, by mechanism: UInt) throws(PKCS11Error) -> [UInt8] {
        var mechanism = unsafe CK_MECHANISM(mechanism: mechanism, pParameter: nil, ulParameterLen: 0)
        try PKCS11Module.check("C_SignInit", unsafe functions.pointee.C_SignInit(handle, &mechanism, key))
        var (input, signature) = (input, [UInt8](repeating: 0, count: 1024))
        var count = CK_ULONG(signature.count)
        let result = unsafe functions.pointee.C_Sign(handle, &input, CK_ULONG(input.count), &signature, &count)
        try PKCS11Module.check("C_Sign", result)
        return Array(signature.prefix(Int(count)))
    }
}
