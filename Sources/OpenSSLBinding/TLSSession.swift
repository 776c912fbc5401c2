internal import COpenSSL
internal import Synchronization

/// One TLS 1.3 connection (RFC 8446) over memory: bytes from the peer go in, bytes for the peer come out, and who moves
/// them is somebody else's matter. No resumption, no early data; the peer is judged by the configuration's `verifyPeer`.
///
/// Sendable because every use of the SSL is inside the lock. After `invalidate` every call fails.
public final class TLSSession: Sendable {
    private let handles: Mutex<TLSHandles?>

    public init(_ configuration: TLSConfiguration) throws(OpenSSLError) {
        handles = Mutex(try TLSHandles(configuration))
    }

    public enum ReadResult: Sendable, Equatable {
        case bytes(Int)
        /// Nothing until more bytes are received.
        case wouldBlock
        /// The peer sent close_notify: all it wanted to say has been read.
        case closed
    }

    /// What the two ends agreed on.
    public struct Agreement: Sendable, Equatable {
        public let cipherSuite: String
        public let group: String
        public let alpn: String?
        public let isResumed: Bool
    }

    /// Takes bytes the peer sent.
    public func receive(_ bytes: UnsafeRawBufferPointer) throws(OpenSSLError) {
        guard bytes.count > 0 else { return }
        try use { handles throws(OpenSSLError) in
            let written = unsafe BIO_write(handles.input, bytes.baseAddress, Int32(bytes.count))
            guard written == bytes.count else { throw OpenSSLError(draining: "BIO_write") }
        }
    }

    /// Goes on with the handshake as far as the received bytes allow; true once it is complete and the peer accepted.
    public func handshake() throws(OpenSSLError) -> Bool {
        try use { handles throws(OpenSSLError) in
            ERR_clear_error()
            let result = unsafe SSL_do_handshake(handles.ssl)
            guard result != 1 else { return true }
            guard try Self.classify("SSL_do_handshake", result, handles) == .wouldBlock else {
                throw OpenSSLError(operation: "SSL_do_handshake", reasons: ["the peer closed"])
            }
            return false
        }
    }

    /// Nil until the handshake is complete.
    public var agreement: Agreement? {
        get throws(OpenSSLError) {
            try use { handles throws(OpenSSLError) in
                guard unsafe SSL_is_init_finished(handles.ssl) == 1 else { return nil }
                let suite = unsafe SSL_CIPHER_get_name(SSL_get_current_cipher(handles.ssl))
                let group = unsafe ps_tls_group(handles.ssl)
                return Agreement(
                    cipherSuite: unsafe suite.map { unsafe String(cString: $0) } ?? "",
                    group: unsafe group.map { unsafe String(cString: $0) } ?? "",
                    alpn: unsafe Self.selectedProtocol(handles.ssl),
                    isResumed: unsafe SSL_session_reused(handles.ssl) == 1)
            }
        }
    }

    /// Opens the next received application bytes into `buffer`, which must not be empty.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(OpenSSLError) -> ReadResult {
        try use { handles throws(OpenSSLError) in
            ERR_clear_error()
            var count = 0
            let result = unsafe SSL_read_ex(handles.ssl, buffer.baseAddress, buffer.count, &count)
            return result == 1 ? .bytes(count) : try Self.classify("SSL_read_ex", result, handles)
        }
    }

    /// Seals application bytes; all of them, since memory always takes them.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(OpenSSLError) {
        guard bytes.count > 0 else { return }
        try use { handles throws(OpenSSLError) in
            ERR_clear_error()
            var count = 0
            let result = unsafe SSL_write_ex(handles.ssl, bytes.baseAddress, bytes.count, &count)
            guard result == 1, count == bytes.count else { throw OpenSSLError(draining: "SSL_write_ex") }
        }
    }

    /// Puts close_notify behind what was written (RFC 8446 section 6.1). Does nothing before the handshake is complete.
    public func sendCloseNotify() {
        try? use { handles throws(OpenSSLError) in
            _ = unsafe SSL_shutdown(handles.ssl)
            ERR_clear_error()
        }
    }

    /// How many bytes wait to be sent to the peer.
    public var outputCount: Int {
        let count = try? use { handles throws(OpenSSLError) in unsafe BIO_ctrl_pending(handles.output) }
        return count ?? 0
    }

    /// Moves bytes for the peer into `buffer`; returns how many.
    public func takeOutput(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = try? use { handles throws(OpenSSLError) in
            unsafe BIO_read(handles.output, buffer.baseAddress, Int32(clamping: buffer.count))
        }
        return max(Int(count ?? 0), 0)
    }

    /// The exporter of RFC 8446 section 7.5. Both ends get the same bytes for the same label and context.
    ///
    /// The exporter does not cover the client's certificate: use it only once the client is verified on both sides.
    public func exportKeyingMaterial(
        label: String, context: [UInt8], length: Int
    ) throws(OpenSSLError) -> SecretBytes {
        try use { handles throws(OpenSSLError) in
            guard unsafe SSL_is_init_finished(handles.ssl) == 1 else {
                throw OpenSSLError(operation: "exporter", reasons: ["the handshake is not complete"])
            }
            return try unsafe SecretBytes(count: length) { secret throws(OpenSSLError) in
                let result = unsafe SSL_export_keying_material(
                    handles.ssl, secret.baseAddress, length, label, label.utf8.count, context, context.count, 1)
                try OpenSSL.check("SSL_export_keying_material", result)
            }
        }
    }

    /// Frees the connection's state, traffic keys and exporter secret included.
    public func invalidate() {
        handles.withLock { $0 = nil }
    }

    private func use<Value>(
        _ body: (TLSHandles) throws(OpenSSLError) -> sending Value
    ) throws(OpenSSLError) -> Value {
        try handles.withLock { handles throws(OpenSSLError) in
            guard let handles else { throw OpenSSLError(operation: "TLS", reasons: ["the connection is closed"]) }
            return try body(handles)
        }
    }

    /// What a call meant that did not succeed.
    private static func classify(
        _ operation: String, _ result: Int32, _ handles: TLSHandles
    ) throws(OpenSSLError) -> ReadResult {
        switch unsafe SSL_get_error(handles.ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wouldBlock
        case SSL_ERROR_ZERO_RETURN: return .closed
        default: throw OpenSSLError(draining: operation)
        }
    }

    private static func selectedProtocol(_ ssl: OpaquePointer) -> String? {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &name, &count)
        guard count > 0 else { return nil }
        return unsafe String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
    }
}
