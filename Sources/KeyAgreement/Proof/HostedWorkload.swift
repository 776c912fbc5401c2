public import Addressing
public import Identity
internal import OpenSSLBinding

/// A workload identity that this node hosts: one SVID, and the addresses of all its pods here.
public struct HostedWorkload: Sendable {
    /// The number that the certificate carries.
    public let identity: NumericIdentity
    public let svid: KeyedSVID
    public let addresses: Set<IPAddress>

    /// Fails for what peers would refuse to read: an SVID without the binding extension, a chain or a number of addresses
    /// beyond `LinkLimits`.
    public init?(svid: KeyedSVID, addresses: Set<IPAddress>) {
        let sizes = svid.svid.chain.map(\.der.count)
        guard let binding = svid.svid.binding, addresses.count <= LinkLimits.addressesPerAnnouncement,
            sizes.count <= LinkLimits.chainCertificates, sizes.allSatisfy({ $0 <= LinkLimits.certificateBytes }),
            sizes.reduce(0, +) <= LinkLimits.chainBytes
        else { return nil }
        self.init(identity: binding.identity, svid: svid, addresses: addresses)
    }

    private init(identity: NumericIdentity, svid: KeyedSVID, addresses: Set<IPAddress>) {
        self.identity = identity
        self.svid = svid
        self.addresses = addresses
    }

    /// Two entries of one identity: all addresses, under the SVID that lasts longer. Addresses beyond what an announcement
    /// holds are left out.
    func merged(with other: HostedWorkload) -> HostedWorkload {
        let all = addresses.union(other.addresses).sorted().prefix(LinkLimits.addressesPerAnnouncement)
        let newer = svid.svid.notAfter >= other.svid.svid.notAfter ? svid : other.svid
        return HostedWorkload(identity: identity, svid: newer, addresses: Set(all))
    }
}
