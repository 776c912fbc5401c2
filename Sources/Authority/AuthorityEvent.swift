public import Addressing
public import AuthorityAPI
public import Federation
public import Identity
public import Issuance
public import OpenSSLBinding
public import SecureTransport

/// What happened at an authority and is worth a line in the journal.
public enum AuthorityEvent: Sendable {
    case listening(address: String)
    case connectionRefused(peer: String, SecureTransportError)
    case nodeConnectionRefused(SPIFFEID, ConnectionRefusal)
    /// Connections of this source are closed unheard; said once until it is below its limit again.
    case flood(source: String)
    case tokenGenerated(node: String?, expiresAt: Int64)
    case joined(NodeRecord)
    case joinRefused(peer: String, JoinRefusal)
    case nodeRenewed(SPIFFEID, serial: String)
    case nodeBanned(SPIFFEID)
    case nodeEvicted(SPIFFEID)
    case revoked(RevocationSubject, RevocationReason, by: UInt32, certificates: Int)
    case revocationLifted(RevocationSubject, by: UInt32)
    case entryCreated(RegistrationEntry)
    case entryUpdated(RegistrationEntry)
    case entryDeleted(RegistrationEntry)
    case workloadIssued(IssuedCertificate)
    case downstreamListening(address: String)
    case downstreamSigned(DownstreamCertificate)
    case downstreamRefused(caller: SPIFFEID?, CallRefusal)
    case downstreamKeyPublished(DownstreamKeyRecord)
    case callRefused(caller: SPIFFEID?, CallRefusal)
    /// A node took over a prefix from another that still reports it.
    case leaseTakenOver(IPPrefix, by: NodeNumber, from: NodeNumber)
    case leasesRefused([IPPrefix], node: SPIFFEID)
    case serverRenewed(serial: String)
    /// The SVID that is held stays in use.
    case serverRenewalFailed(IssuanceError)
    /// The CA's key does not sign; nothing is issued until it does. Said once, until `keyBack`.
    case keyAway(SigningError)
    case keyBack
    /// A CA is trusted, and signs later. CAs are named by the SHA-256 of their certificates, lower-case hexadecimal.
    case authorityPrepared(fingerprint: String, notAfter: Int64)
    case authorityActivated(fingerprint: String)
    case authorityTainted(fingerprint: String)
    /// It was taken out before its end.
    case authorityRevoked(fingerprint: String)
    /// It has ended.
    case authorityRemoved(fingerprint: String)
    /// These roots are trusted because the authority above names them.
    case rootsAboveChanged(fingerprints: [String])
    /// Keys for JWT-SVIDs are not taken from the authority above, or ours not published there. Said once for each reason.
    case keysAboveFailed(reason: String)
    /// The schedule of the CAs could not be kept, or files do not show it; tried again. Said once for each reason.
    case successionFailed(SuccessionError)
    /// What other authorities change is not heard of, or nothing can be changed here, until `sharingRestored`. Said once for each reason.
    case sharingInterrupted(RegistryError)
    case sharingRestored
    /// The others do not have our newest revocation list; tried again. Said once, until `listsShared`.
    case listsNotShared(RegistryError)
    case listsShared
    case federationBegun(Relationship)
    case federationEnded(TrustDomain)
    /// The bundle that is held stays in use. Said once for each reason, until `federationRestored`.
    case federationFailed(TrustDomain, FederationError)
    case federationRestored(TrustDomain)
    case foreignBundleChanged(TrustDomain, sequence: UInt64)
    case foreignBundleDeleted(TrustDomain)
    case jwtIssued(IssuedJWT)
    /// A key for JWT-SVIDs is published, and signs later.
    case jwtKeyPrepared(keyID: String, notAfter: Int64)
    case jwtKeyActivated(keyID: String)
    case jwtKeyRemoved(keyID: String)
    /// What it signed is given to nobody any more.
    case jwtKeyTainted(keyID: String)
    /// What it signed is refused from now on.
    case jwtKeyRevoked(keyID: String)
    /// A key's file has gone: another takes over at once, and what it signed stays good.
    case jwtKeyLost(path: String)
    /// Keys could not be looked after; the one that is in use stays in use until it ends.
    case jwtKeysFailed(AuthorityError)
}

/// A workload's certificate that left.
public struct IssuedCertificate: Sendable, Equatable {
    public let id: SPIFFEID
    public let identity: NumericIdentity
    public let serial: String
    /// Seconds since 1970.
    public let notAfter: Int64
    public let node: SPIFFEID
    public let subject: WorkloadSubject
}

/// The certificate of a CA below ours that left.
public struct DownstreamCertificate: Sendable, Equatable {
    /// To whom.
    public let id: SPIFFEID
    /// By which it may.
    public let entry: String
    public let serial: String
    /// Seconds since 1970.
    public let notAfter: Int64
    /// Fingerprint of the CA that signed.
    public let issuer: String
}

/// A key for JWT-SVIDs of an authority below, which is trusted from now on.
public struct DownstreamKeyRecord: Sendable, Equatable {
    /// Whose.
    public let id: SPIFFEID
    /// By which it may.
    public let entry: String
    public let keyID: String
    /// Seconds since 1970.
    public let notAfter: Int64
}

/// A JWT-SVID that left; without the token.
public struct IssuedJWT: Sendable, Equatable {
    public let id: SPIFFEID
    public let audience: [String]
    /// Seconds since 1970.
    public let expiresAt: Int64
    public let keyID: String
    public let node: SPIFFEID
    public let subject: WorkloadSubject
}

/// For whom on it a node asks.
public enum WorkloadSubject: Sendable, Equatable {
    /// Whose facts decide.
    case pod(PodFacts)
    /// A process of which the node found that this entry is its.
    case entry(id: String)

    var pod: PodFacts? {
        if case .pod(let pod) = self { pod } else { nil }
    }
}
