internal import Identity
internal import Issuance
internal import OpenSSLBinding

extension CertificateSigner {
    /// Makes a key and issues for it, for whom there is no other end that could have made one.
    func issueWithKey(_ plan: IssuancePlan, now: Int64) async throws(IssuanceError) -> KeyedSVID {
        let (key, request) = try Self.newKey()
        return try Self.join(try await sign(request, plan: plan, now: now), key)
    }

    /// The same on the thread of whoever calls.
    func issueWithKeyNow(_ plan: IssuancePlan, now: Int64) throws(IssuanceError) -> KeyedSVID {
        let (key, request) = try Self.newKey()
        return try Self.join(try signNow(request, plan: plan, now: now), key)
    }

    private static func newKey() throws(IssuanceError) -> (PrivateKey, ProvenRequest) {
        let key: PrivateKey
        let request: [UInt8]
        do throws(OpenSSLError) {
            key = try PrivateKey.generate()
            request = try SigningRequest.make(key: key)
        } catch {
            throw .openSSL(error)
        }
        return (key, try ProvenRequest(csrDER: request))
    }

    private static func join(_ svid: X509SVID, _ key: PrivateKey) throws(IssuanceError) -> KeyedSVID {
        do throws(SVIDRejection) { return try KeyedSVID(svid: svid, key: key) } catch { throw .rejected(error) }
    }
}
