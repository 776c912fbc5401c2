internal import COpenSSL

/// RFC 5280 section 6 path validation by OpenSSL, against exactly the roots given: no system store, no partial chain.
public enum PathValidation {
    public struct Failure: Error, Sendable, Equatable {
        public enum Kind: Sendable, Equatable {
            /// The path does not reach one of the roots.
            case unknownAuthority
            case expired
            case notYetValid
            case other
        }
        public let kind: Kind
        /// OpenSSL's sentence.
        public let reason: String
        /// 0 is the leaf.
        public let depth: Int
    }

    /// Returns the path from `leaf` to one of `roots`, both included.
    ///
    /// `time` in seconds since 1970 is the only clock; at most `maximumIntermediates` certificates lie between leaf and
    /// root. Strict: extensions RFC 5280 demands must be there, SHA-1 and keys below 112 bits of strength are refused.
    /// What the leaf may be used for is not looked at.
    public static func validate(
        leaf: Certificate, intermediates: [Certificate], roots: [Certificate], at time: Int64,
        maximumIntermediates: Int
    ) throws(Failure) -> [Certificate] {
        let outcome: Result<[Certificate], Failure>
        do throws(OpenSSLError) {
            outcome = try run(leaf, intermediates, roots, time, maximumIntermediates)
        } catch {
            throw Failure(kind: .other, reason: error.description, depth: 0)
        }
        return try outcome.get()
    }

    private static func run(
        _ leaf: Certificate, _ intermediates: [Certificate], _ roots: [Certificate], _ time: Int64, _ depth: Int
    ) throws(OpenSSLError) -> Result<[Certificate], Failure> {
        let given = [leaf] + intermediates + roots
        let store = try CertificateStore(roots)
        let untrusted = try CertificateStack(intermediates)
        let context = try unsafe OpenSSL.require("X509_STORE_CTX_new", X509_STORE_CTX_new())
        defer { unsafe X509_STORE_CTX_free(context) }
        let ready = unsafe X509_STORE_CTX_init(context, store.pointer, leaf.pointer, untrusted.pointer)
        try OpenSSL.check("X509_STORE_CTX_init", ready)
        try unsafe configure(X509_STORE_CTX_get0_param(context), time, depth)
        let holds = unsafe OpenSSL.holds(X509_verify_cert(context))
        // Both must say so: a callback or an early return could leave one of them at its default.
        guard holds, unsafe X509_STORE_CTX_get_error(context) == X509_V_OK else {
            return unsafe .failure(Failure(context))
        }
        return .success(try unsafe CertificateStack.select(X509_STORE_CTX_get0_chain(context), from: given))
    }

    private static func configure(_ parameters: OpaquePointer?, _ time: Int64, _ depth: Int) throws(OpenSSLError) {
        let flags = UInt(X509_V_FLAG_X509_STRICT)
        try unsafe OpenSSL.check("X509_VERIFY_PARAM_set_flags", X509_VERIFY_PARAM_set_flags(parameters, flags))
        unsafe X509_VERIFY_PARAM_set_time(parameters, time_t(time))
        unsafe X509_VERIFY_PARAM_set_depth(parameters, Int32(depth))
        unsafe X509_VERIFY_PARAM_set_auth_level(parameters, 2)
    }
}

extension PathValidation.Failure {
    init(_ context: OpaquePointer) {
        let code = unsafe X509_STORE_CTX_get_error(context)
        kind =
            switch code {
            case X509_V_ERR_CERT_HAS_EXPIRED: .expired
            case X509_V_ERR_CERT_NOT_YET_VALID: .notYetValid
            case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
                X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
                X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
                .unknownAuthority
            default: .other
            }
        reason = unsafe String(cString: X509_verify_cert_error_string(Int(code)))
        depth = unsafe Int(X509_STORE_CTX_get_error_depth(context))
    }
}

/// The owner of an X509_STORE that trusts the given roots and nothing else.
@safe private final class CertificateStore {
    let pointer: OpaquePointer

    init(_ roots: [Certificate]) throws(OpenSSLError) {
        unsafe pointer = try OpenSSL.require("X509_STORE_new", X509_STORE_new())
        for root in roots {
            try unsafe OpenSSL.check("X509_STORE_add_cert", X509_STORE_add_cert(pointer, root.pointer))
        }
    }

    deinit { unsafe X509_STORE_free(pointer) }
}
