internal import Identity
internal import OpenSSLBinding

extension SVIDVerifier {
    /// Verifies what an earlier run was issued. A clock by which it begins later is behind: it is judged as of when it was issued.
    func verify(saved chain: [Certificate], at now: Int64) throws(SVIDRejection) -> X509SVID {
        do throws(SVIDRejection) {
            return try verify(chain: chain, at: now)
        } catch .notYetValid {
            return try verify(chain: chain, at: chain[0].notBefore + X509SVID.backdating)
        }
    }
}
