internal import Foundation
internal import Identity
internal import Issuance
internal import OpenSSLBinding

/// Certificates in DER, one directly after another (SPIFFE_Workload_API.md section 5.2.1).
struct CertificateSequence {
    let certificates: [Certificate]

    private static let mostBytes = 1 << 20

    init(_ bytes: Data, most: Int) throws(UpstreamError) {
        guard bytes.count <= Self.mostBytes else {
            throw UpstreamError("certificates of the Workload API are too long")
        }
        var reader = DERReader(Array(bytes))
        var found: [Certificate] = []
        while !reader.isAtEnd {
            guard found.count < most else { throw UpstreamError("the Workload API gives too many certificates") }
            guard let der = try? reader.readWhole(.sequence), let certificate = try? Certificate(der: der) else {
                throw UpstreamError("a certificate of the Workload API cannot be read")
            }
            found.append(certificate)
        }
        certificates = found
    }
}
