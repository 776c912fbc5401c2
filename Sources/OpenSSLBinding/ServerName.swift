internal import COpenSSL

extension Certificate {
    /// Whether the certificate names `host`, a DNS name or an IP address, as a subject alternative name (RFC 9525); a
    /// subject's common name counts for nothing.
    public func names(host: String) -> Bool {
        let asAddress = unsafe X509_check_ip_asc(pointer, host, 0)
        if asAddress != -2 { return OpenSSL.holds(asAddress) }
        let flags = UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)
        return unsafe OpenSSL.holds(X509_check_host(pointer, host, host.utf8.count, flags, nil))
    }

    /// Whether key usages let the certificate be a TLS server's.
    public var suitsServer: Bool { unsafe OpenSSL.holds(X509_check_purpose(pointer, X509_PURPOSE_SSL_SERVER, 0)) }
}
