internal import COpenSSL

/// One PEM block (RFC 7468), decoded.
struct PEMBlock {
    let label: String
    let der: SecretBytes

    /// The next block in the BIO, or nil at the end of the text. Blocks with headers (old style encryption) are refused.
    static func next(in bio: MemoryBIO, secret: Bool) throws(OpenSSLError) -> PEMBlock? {
        var name: UnsafeMutablePointer<CChar>?
        var header: UnsafeMutablePointer<CChar>?
        var data: UnsafeMutablePointer<UInt8>?
        var count = 0
        let flag: Int32 = secret ? 1 : 0
        guard unsafe ps_pem_read(bio.pointer, flag, &name, &header, &data, &count) == 1 else {
            return try endOfText()
        }
        defer {
            unsafe ps_pem_free(flag, name, 0)
            unsafe ps_pem_free(flag, header, 0)
            unsafe ps_pem_free(flag, data, count)
        }
        guard let text = unsafe name, unsafe header?.pointee ?? 0 == 0 else {
            throw OpenSSLError(operation: "PEM decoding", reasons: ["headers are not accepted"])
        }
        let bytes = unsafe UnsafeRawBufferPointer(start: data, count: count)
        let der = unsafe SecretBytes(count: count) { unsafe $0.copyMemory(from: bytes) }
        return unsafe PEMBlock(label: String(cString: text), der: der)
    }

    /// "No start line" is how the end of the text is reported; anything else is damage.
    private static func endOfText() throws(OpenSSLError) -> PEMBlock? {
        let last = ERR_peek_last_error()
        let error = OpenSSLError(draining: "PEM_read_bio_ex")
        guard ps_error_library(last) == ERR_LIB_PEM, ps_error_reason(last) == PEM_R_NO_START_LINE else { throw error }
        return nil
    }
}
