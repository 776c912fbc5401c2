internal import COpenSSL

extension Certificate {
    /// The common name in the subject (RFC 5280 section 4.1.2.6); nil where there is none or more than one, and where it is
    /// neither a UTF8String nor a PrintableString.
    public var commonName: String? {
        let subject = unsafe X509_get_subject_name(pointer)
        let index = unsafe X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
        guard index >= 0, unsafe X509_NAME_get_index_by_NID(subject, NID_commonName, index) < 0,
            let text = unsafe X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)),
            [V_ASN1_UTF8STRING, V_ASN1_PRINTABLESTRING].contains(unsafe ASN1_STRING_type(text))
        else { return nil }
        let bytes = unsafe UnsafeBufferPointer(
            start: ASN1_STRING_get0_data(text), count: Int(ASN1_STRING_length(text)))
        return unsafe String(validating: bytes, as: UTF8.self)
    }
}
