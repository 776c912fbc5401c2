public import OpenSSLBinding

extension SVIDVerifier {
    /// As `verify(chain:at:)` for what is known to have been issued, since it was believed before: by a clock that says that it
    /// begins later it is judged as of when it was issued. Clocks that are set back take nothing away.
    public func verify(issued chain: [Certificate], at unixTime: Int64) throws(SVIDRejection) -> X509SVID {
        do throws(SVIDRejection) {
            return try verify(chain: chain, at: unixTime)
        } catch .notYetValid {
            return try verify(chain: chain, at: chain[0].notBefore + X509SVID.backdating)
        }
    }
}
