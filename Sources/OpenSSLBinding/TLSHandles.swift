internal import COpenSSL
internal import Synchronization

/// The owner of one connection's SSL, its context and its two memory BIOs.
///
/// Sendable only because TLSSession keeps it inside its lock and uses it nowhere else.
@safe final class TLSHandles: @unchecked Sendable {
    let ssl: OpaquePointer
    /// Bytes from the peer and for the peer; owned by `ssl`.
    let input: OpaquePointer
    let output: OpaquePointer
    /// OpenSSL holds plain pointers to these two for as long as the context lives.
    private let verification: PeerVerification
    private let alpn: ALPNList

    init(_ configuration: TLSConfiguration) throws(OpenSSLError) {
        verification = PeerVerification(configuration.verifyPeer)
        alpn = try ALPNList(configuration.alpn)
        let context = try unsafe OpenSSL.require("SSL_CTX_new", SSL_CTX_new(TLS_method()))
        // The SSL holds a reference of its own.
        defer { unsafe SSL_CTX_free(context) }
        try unsafe Self.harden(context, configuration)
        try unsafe Self.identify(context, configuration)
        unsafe Self.verify(context, configuration.role, verification)
        try unsafe Self.offer(alpn, context, configuration.role)
        unsafe (ssl, input, output) = try Self.connect(context, configuration)
    }

    deinit { unsafe SSL_free(ssl) }

    private static func harden(_ context: OpaquePointer, _ configuration: TLSConfiguration) throws(OpenSSLError) {
        try unsafe OpenSSL.check("SSL_CTX_set_min_proto_version", ps_tls_only_1_3(context))
        try unsafe OpenSSL.check(
            "SSL_CTX_set_num_tickets", ps_tls_harden(context, configuration.largestPeerChain))
        unsafe SSL_CTX_set_security_level(context, 2)
        let suites = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
        try unsafe OpenSSL.check("SSL_CTX_set_ciphersuites", SSL_CTX_set_ciphersuites(context, suites))
        try unsafe chooseGroups(context)
    }

    /// The post-quantum hybrid first, where this OpenSSL has it (3.5 and later).
    private static func chooseGroups(_ context: OpaquePointer) throws(OpenSSLError) {
        let classical = "X25519:P-256"
        let hybrid = unsafe ps_tls_set_groups(context, "X25519MLKEM768:\(classical)")
        guard !OpenSSL.holds(hybrid) else { return }
        try unsafe OpenSSL.check("SSL_CTX_set1_groups_list", ps_tls_set_groups(context, classical))
    }

    private static func identify(_ context: OpaquePointer, _ configuration: TLSConfiguration) throws(OpenSSLError) {
        guard let leaf = configuration.chain.first, let key = configuration.key else { return }
        let rest = try CertificateStack(Array(configuration.chain.dropFirst()))
        let result = unsafe SSL_CTX_use_cert_and_key(context, leaf.pointer, key.pointer, rest.pointer, 1)
        try OpenSSL.check("SSL_CTX_use_cert_and_key", result)
    }

    private static func verify(
        _ context: OpaquePointer, _ role: TLSConfiguration.Role, _ verification: PeerVerification
    ) {
        let mustPresent = role == .server(requiresPeer: true) ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0
        unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER | mustPresent, nil)
        let argument = unsafe Unmanaged.passUnretained(verification).toOpaque()
        unsafe SSL_CTX_set_cert_verify_callback(context, { unsafe PeerVerification.callback($0, $1) }, argument)
    }

    private static func offer(
        _ alpn: ALPNList, _ context: OpaquePointer, _ role: TLSConfiguration.Role
    ) throws(OpenSSLError) {
        guard alpn.count > 0 else { return }
        guard role == .client else { return unsafe ps_tls_accept_alpn(context, alpn.list) }
        // The one function of libssl that returns 0 on success.
        guard unsafe SSL_CTX_set_alpn_protos(context, alpn.list.pointee.wire, alpn.list.pointee.count) == 0 else {
            throw OpenSSLError(draining: "SSL_CTX_set_alpn_protos")
        }
    }

    private static func connect(
        _ context: OpaquePointer, _ configuration: TLSConfiguration
    ) throws(OpenSSLError) -> (ssl: OpaquePointer, input: OpaquePointer, output: OpaquePointer) {
        let ssl = try unsafe OpenSSL.require("SSL_new", SSL_new(context))
        guard let input = unsafe ps_bio_memory() else {
            unsafe SSL_free(ssl)
            throw OpenSSLError(draining: "BIO_new")
        }
        guard let output = unsafe ps_bio_memory() else {
            unsafe BIO_free_all(input)
            unsafe SSL_free(ssl)
            throw OpenSSLError(draining: "BIO_new")
        }
        unsafe SSL_set0_rbio(ssl, input)
        unsafe SSL_set0_wbio(ssl, output)
        if configuration.role == .client {
            if let name = configuration.serverName { unsafe ps_tls_set_server_name(ssl, name) }
            unsafe SSL_set_connect_state(ssl)
        } else {
            unsafe SSL_set_accept_state(ssl)
        }
        return unsafe (ssl, input, output)
    }
}

/// What OpenSSL calls instead of its own certificate verification.
private final class PeerVerification: Sendable {
    private let decide: @Sendable ([Certificate]) -> TLSPeerVerdict

    init(_ decide: @escaping @Sendable ([Certificate]) -> TLSPeerVerdict) { self.decide = decide }

    static func callback(_ context: OpaquePointer?, _ argument: UnsafeMutableRawPointer?) -> Int32 {
        guard let context = unsafe context, let argument = unsafe argument else { return 0 }
        let verification = unsafe Unmanaged<PeerVerification>.fromOpaque(argument).takeUnretainedValue()
        let verdict = unsafe verification.verdict(on: X509_STORE_CTX_get0_untrusted(context))
        unsafe X509_STORE_CTX_set_error(context, verdict.code)
        return verdict == .accepted ? 1 : 0
    }

    /// The peer's message has the leaf first (RFC 8446 section 4.4.2).
    private func verdict(on presented: OpaquePointer?) -> TLSPeerVerdict {
        guard let chain = try? unsafe CertificateStack.copy(presented), !chain.isEmpty else { return .unsuitable }
        return decide(chain)
    }
}

extension TLSPeerVerdict {
    /// The verification result that libssl turns into the right alert.
    fileprivate var code: Int32 {
        switch self {
        case .accepted: X509_V_OK
        case .expired: X509_V_ERR_CERT_HAS_EXPIRED
        case .revoked: X509_V_ERR_CERT_REVOKED
        case .unknownAuthority: X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        case .unsuitable: X509_V_ERR_CERT_REJECTED
        }
    }
}

/// Protocol names in wire form (RFC 7301 section 3.1), at an address that stays.
@safe private final class ALPNList {
    let list: UnsafeMutablePointer<ps_tls_alpn>
    private let wire: UnsafeMutableBufferPointer<UInt8>
    let count: Int

    init(_ protocols: [String]) throws(OpenSSLError) {
        guard protocols.allSatisfy({ (1...255).contains($0.utf8.count) }) else {
            throw OpenSSLError(operation: "ALPN", reasons: ["a protocol name has 1 to 255 bytes"])
        }
        let bytes = protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        count = bytes.count
        unsafe wire = .allocate(capacity: max(bytes.count, 1))
        _ = unsafe wire.initialize(from: bytes)
        unsafe list = .allocate(capacity: 1)
        unsafe list.initialize(to: ps_tls_alpn(wire: wire.baseAddress, count: UInt32(bytes.count)))
    }

    deinit {
        unsafe list.deallocate()
        unsafe wire.deallocate()
    }
}
