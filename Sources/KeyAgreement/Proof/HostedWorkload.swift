public import Addressing
public import Identity

/// A workload identity that this node hosts: one SVID, and the addresses of all its pods here.
public struct HostedWorkload: Sendable {
    /// The number that the certificate carries.
    public let identity: NumericIdentity
    public let svid: KeyedSVID
    public let addresses: Set<IPAddress>

    /// Fails when the SVID has no binding extension: peers would refuse it.
    public init?(svid: KeyedSVID, addresses: Set<IPAddress>) {
        guard let binding = svid.svid.binding else { return nil }
        identity = binding.identity
        self.svid = svid
        self.addresses = addresses
    }
}
