internal import CPKCS11

/// A loaded module, initialised for as long as this lives. One at a time in a process: PKCS #11 has one state for all.
@safe final class PKCS11Module {
    let functions: UnsafeMutablePointer<CK_FUNCTION_LIST>
    /// Somebody else's otherwise, who will end it.
    private let isInitialisedHere: Bool

    init(path: String) throws(PKCS11Error) {
        var reason: UnsafePointer<CChar>?
        guard let functions = unsafe ps_pkcs11_load(path, &reason) else {
            throw .module(path: path, reason: unsafe reason.map { unsafe String(cString: $0) } ?? "unknown")
        }
        unsafe self.functions = functions
        var arguments = unsafe CK_C_INITIALIZE_ARGS()
        unsafe arguments.flags = CK_FLAGS(CKF_OS_LOCKING_OK)
        let result = unsafe functions.pointee.C_Initialize(&arguments)
        guard result == CKR_OK || result == CKR_CRYPTOKI_ALREADY_INITIALIZED else {
            throw .call("C_Initialize", code: result)
        }
        isInitialisedHere = result == CKR_OK
    }

    /// Sessions keep the module, so that none is left here.
    deinit { if isInitialisedHere { _ = unsafe functions.pointee.C_Finalize(nil) } }

    static func check(_ function: String, _ result: CK_RV) throws(PKCS11Error) {
        guard result == CKR_OK else { throw .call(function, code: result) }
    }

    /// The one slot whose token has this label, and the token's flags.
    func slot(of label: String) throws(PKCS11Error) -> (slot: CK_SLOT_ID, flags: CK_FLAGS) {
        var found: [(CK_SLOT_ID, CK_FLAGS)] = []
        for slot in try slots() {
            var info = CK_TOKEN_INFO()
            // A token may go between the two calls.
            guard unsafe functions.pointee.C_GetTokenInfo(slot, &info) == CKR_OK else { continue }
            if Self.label(of: info) == label { found.append((slot, info.flags)) }
        }
        guard let first = found.first else { throw .noToken(label: label) }
        guard found.count == 1 else { throw .severalTokens(label: label) }
        return first
    }

    private func slots() throws(PKCS11Error) -> [CK_SLOT_ID] {
        var count: CK_ULONG = 0
        try Self.check("C_GetSlotList", unsafe functions.pointee.C_GetSlotList(CK_BBOOL(1), nil, &count))
        var slots = [CK_SLOT_ID](repeating: 0, count: Int(count))
        try Self.check("C_GetSlotList", unsafe functions.pointee.C_GetSlotList(CK_BBOOL(1), &slots, &count))
        return Array(slots.prefix(Int(count)))
    }

    /// Padded with spaces.
    private static func label(of info: CK_TOKEN_INFO) -> String {
        let bytes = unsafe withUnsafeBytes(of: info.label) { unsafe Array($0) }
        let end = bytes.lastIndex { $0 != UInt8(ascii: " ") && $0 != 0 }.map { $0 + 1 } ?? 0
        return String(decoding: bytes.prefix(end), as: UTF8.self)
    }
}
