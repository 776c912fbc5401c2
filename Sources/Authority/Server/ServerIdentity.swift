internal import Identity
internal import Issuance
internal import OpenSSLBinding
internal import Synchronization

/// The SVID of the authority's own server, which it issues to itself.
final class ServerIdentity: Sendable {
    private let authority: CertificateAuthority
    private let plan: IssuancePlan
    private let now: @Sendable () -> Int64
    private let held: Mutex<KeyedSVID>

    init(
        _ authority: CertificateAuthority, name: String, lifetime: Duration, now: @escaping @Sendable () -> Int64
    ) throws(IssuanceError) {
        self.authority = authority
        self.now = now
        plan = try .authority(name, in: authority.trustDomain, lifetime: lifetime)
        held = Mutex(try Self.issue(plan, by: authority, now: now()))
    }

    var current: KeyedSVID { held.withLock { $0 } }

    /// When to renew, seconds since 1970: half of the lifetime.
    var renewAt: Int64 {
        let svid = current.svid
        return svid.notBefore + (svid.notAfter - svid.notBefore) / 2
    }

    func renew() throws(IssuanceError) {
        let fresh = try Self.issue(plan, by: authority, now: now())
        held.withLock { $0 = fresh }
    }

    private static func issue(
        _ plan: IssuancePlan, by authority: CertificateAuthority, now: Int64
    ) throws(IssuanceError) -> KeyedSVID {
        do {
            let key = try PrivateKey.generate()
            let request = try ProvenRequest(csrDER: SigningRequest.make(key: key))
            return try KeyedSVID(svid: authority.sign(request, plan: plan, now: now), key: key)
        } catch let error as IssuanceError {
            throw error
        } catch let error as OpenSSLError {
            throw .openSSL(error)
        } catch {
            throw .rejected(.keyMismatch)
        }
    }
}
