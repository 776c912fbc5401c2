internal import Identity
internal import OpenSSLBinding

/// The way from a certificate to a root, through what somebody else says lies between.
enum UpstreamPath {
    /// - Parameters:
    ///   - given: the certificate, then others in any order; what the way does not need is passed over.
    ///   - now: seconds since 1970.
    /// - Returns: the certificate first, the self-signed root last.
    static func find(from given: [Certificate], at now: Int64) throws(IssuanceError) -> [Certificate] {
        guard let first = given.first else { throw .badUpstream("it showed no certificate") }
        guard given.count <= SVIDVerifier.maximumCertificates,
            given.reduce(0, { $0 + $1.der.count }) <= SVIDVerifier.maximumBytes
        else { throw .badUpstream("it showed more certificates than a chain may have") }
        let roots = given.filter { $0.subject == $0.issuer }
        guard !roots.isEmpty else { throw .badUpstream("it did not show its root") }
        do throws(PathValidation.Failure) {
            return try PathValidation.validate(
                leaf: first, intermediates: given.filter { !roots.contains($0) && $0 != first }, roots: roots, at: now,
                maximumIntermediates: SVIDVerifier.maximumIntermediates)
        } catch {
            throw .badUpstream("its certificates do not lead to a root: \(error.reason)")
        }
    }
}
