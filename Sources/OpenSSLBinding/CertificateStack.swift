internal import COpenSSL

/// The owner of a STACK_OF(X509).
@safe final class CertificateStack {
    let pointer: OpaquePointer

    init(_ certificates: [Certificate]) throws(OpenSSLError) {
        unsafe pointer = try OpenSSL.require("sk_X509_new", ps_x509_stack_new())
        for certificate in certificates {
            try unsafe OpenSSL.check("X509_add_cert", ps_x509_stack_push(pointer, certificate.pointer))
        }
    }

    deinit { unsafe ps_x509_stack_free(pointer) }

    /// The certificates of a stack that OpenSSL goes on owning; empty for NULL.
    static func copy(_ stack: OpaquePointer?) throws(OpenSSLError) -> [Certificate] {
        var certificates: [Certificate] = []
        for index in unsafe 0..<ps_x509_stack_count(stack) {
            let found = try unsafe OpenSSL.require("sk_X509_value", ps_x509_stack_value(stack, index))
            try unsafe OpenSSL.check("X509_up_ref", X509_up_ref(found))
            certificates.append(try unsafe Certificate(owning: found))
        }
        return certificates
    }

    /// Those of `given` that are in the stack, in its order. The stack has no others: the very objects count, not what
    /// they say.
    static func select(_ stack: OpaquePointer?, from given: [Certificate]) throws(OpenSSLError) -> [Certificate] {
        var certificates: [Certificate] = []
        for index in unsafe 0..<ps_x509_stack_count(stack) {
            let found = unsafe ps_x509_stack_value(stack, index)
            let certificate = given.first { unsafe $0.pointer == found }
            certificates.append(try OpenSSL.require("X509_STORE_CTX_get0_chain", certificate))
        }
        return certificates
    }
}
