internal import COpenSSL

/// A call into OpenSSL that failed, with everything the library said about it.
public struct OpenSSLError: Error, Sendable, Equatable {
    /// The C function, or what was asked of it.
    public let operation: String
    /// The reasons from this thread's error queue, oldest first; may be empty.
    public let reasons: [String]
    /// The TLS alert (RFC 8446 section 6) the peer sent, when that is why the call failed.
    public let peerAlert: UInt8?

    public init(operation: String, reasons: [String], peerAlert: UInt8? = nil) {
        self.operation = operation
        self.reasons = reasons
        self.peerAlert = peerAlert
    }

    /// Takes all that the calling thread's error queue holds, so that no later call can inherit it.
    init(draining operation: String) {
        var reasons: [String] = []
        var alert: UInt8?
        while let (reason, received) = Self.nextInQueue() {
            reasons.append(reason)
            alert = alert ?? received
        }
        self.init(operation: operation, reasons: reasons, peerAlert: alert)
    }

    private static func nextInQueue() -> (reason: String, alert: UInt8?)? {
        var data: UnsafePointer<CChar>?
        var flags: Int32 = 0
        let code = unsafe ERR_get_error_all(nil, nil, nil, &data, &flags)
        guard code != 0 else { return nil }
        var reason = unsafe ERR_reason_error_string(code).map { unsafe String(cString: $0) } ?? "error \(code)"
        if flags & ERR_TXT_STRING != 0, let text = unsafe data, unsafe text.pointee != 0 {
            reason += unsafe " (\(String(cString: text)))"
        }
        return (reason, alert(in: code))
    }

    /// libssl reports a received alert as reason 1000 plus its number.
    private static func alert(in code: UInt) -> UInt8? {
        guard ps_error_library(code) == ERR_LIB_SSL else { return nil }
        return UInt8(exactly: ps_error_reason(code) - SSL_AD_REASON_OFFSET)
    }
}

extension OpenSSLError: CustomStringConvertible {
    public var description: String {
        reasons.isEmpty ? "\(operation) failed" : "\(operation) failed: \(reasons.joined(separator: "; "))"
    }
}

/// The funnel every fallible call goes through.
enum OpenSSL {
    /// Passes results above zero; anything else drains the queue into the error thrown.
    static func check(_ operation: String, _ result: Int32) throws(OpenSSLError) {
        guard result > 0 else { throw OpenSSLError(draining: operation) }
    }

    /// Unwraps a pointer that is NULL on failure.
    static func require<Pointer>(_ operation: String, _ pointer: Pointer?) throws(OpenSSLError) -> Pointer {
        guard let pointer else { throw OpenSSLError(draining: operation) }
        return pointer
    }

    /// Runs a call whose failure is an answer, and leaves no trace of it in the queue.
    static func holds(_ result: Int32) -> Bool {
        if result != 1 { ERR_clear_error() }
        return result == 1
    }
}
