internal import Identity
internal import Issuance
internal import OpenSSLBinding

extension CertificateAuthority {
    /// Makes a key and issues for it, for whom there is no other end that could have made one.
    func issueWithKey(_ plan: IssuancePlan, now: Int64) throws(IssuanceError) -> KeyedSVID {
        let key: PrivateKey
        let request: [UInt8]
        do throws(OpenSSLError) {
            key = try PrivateKey.generate()
            request = try SigningRequest.make(key: key)
        } catch {
            throw .openSSL(error)
        }
        let svid = try sign(ProvenRequest(csrDER: request), plan: plan, now: now)
        do throws(SVIDRejection) { return try KeyedSVID(svid: svid, key: key) } catch { throw .rejected(error) }
    }
}
