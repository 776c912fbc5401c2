/// Every kind of event, and with it everything that this program ever says in the journal. The word, the code and the
/// MESSAGE_ID of a kind never change and are never re-used.
public enum EventKind: String, CaseIterable, Sendable {
    // MARK: The daemon itself

    case started
    case ready
    case stopping
    case reloaded
    case reloadRefused = "reload-refused"
    /// A part of the daemon ended that should not.
    case componentFailed = "component-failed"
    case permissive
    case keyMemoryNotLocked = "key-memory-not-locked"
    /// A pod's private key left the daemon.
    case keyReleased = "key-released"
    case adminRefused = "admin-refused"
    /// Only in `psid observe`, whose reader was too slow.
    case observationGap = "observation-gap"
    /// The journal could not keep up.
    case reportsLost = "reports-lost"
    /// More connections than the admin socket takes.
    case adminCrowded = "admin-crowded"
    /// Others cause more events than are told.
    case reportsLeftOut = "reports-left-out"
    /// The machine goes on as a copy of itself or of another.
    case machineCopied = "machine-copied"

    // MARK: The authority

    case authorityListening = "authority-listening"
    case connectionRefused = "connection-refused"
    case tokenGenerated = "token-generated"
    case nodeAdmitted = "node-admitted"
    case joinRefused = "join-refused"
    case nodeSVIDIssued = "node-svid-issued"
    case nodeBanned = "node-banned"
    case nodeEvicted = "node-evicted"
    case entryCreated = "entry-created"
    case entryUpdated = "entry-updated"
    case bundleEndpointListening = "bundle-endpoint-listening"
    /// A newer certificate of the endpoint is not used.
    case bundleCertificateRefused = "bundle-certificate-refused"
    case entryDeleted = "entry-deleted"
    case workloadSVIDIssued = "workload-svid-issued"
    case callRefused = "call-refused"
    case leaseTakenOver = "lease-taken-over"
    case leasesRefused = "leases-refused"
    case serverSVIDRenewed = "server-svid-renewed"
    case serverSVIDRenewalFailed = "server-svid-renewal-failed"
    /// The registry has no room for another node, lease, workload or entry.
    case directoryFull = "directory-full"
    case jwtKeyPrepared = "jwt-key-prepared"
    case jwtKeyActivated = "jwt-key-activated"
    case jwtKeyRemoved = "jwt-key-removed"
    case jwtKeyLost = "jwt-key-lost"
    case jwtKeysFailed = "jwt-keys-failed"
    case jwtSVIDIssued = "jwt-svid-issued"
    /// For whom an operator wanted it.
    case svidMinted = "svid-minted"
    case federationBegun = "federation-begun"
    case federationEnded = "federation-ended"
    case federationFailed = "federation-failed"
    case federationRestored = "federation-restored"
    /// Another trust domain's.
    case foreignBundleChanged = "foreign-bundle-changed"
    case foreignBundleDeleted = "foreign-bundle-deleted"
    case bundleNotServed = "bundle-not-served"
    case caKeyAway = "ca-key-away"
    case caKeyBack = "ca-key-back"
    case caPrepared = "ca-prepared"
    case caActivated = "ca-activated"
    case caTainted = "ca-tainted"
    case caRevoked = "ca-revoked"
    case caRemoved = "ca-removed"
    case caSuccessionFailed = "ca-succession-failed"
    /// Of the authority above.
    case rootsAboveChanged = "roots-above-changed"
    case keysAboveFailed = "keys-above-failed"
    case sharingInterrupted = "sharing-interrupted"
    case sharingRestored = "sharing-restored"
    /// Revocation lists of ours, with other authorities.
    case listsNotShared = "lists-not-shared"
    case listsShared = "lists-shared"
    case downstreamListening = "downstream-listening"
    /// A CA below this authority's, for another authority.
    case downstreamSigned = "downstream-signed"
    case downstreamRefused = "downstream-refused"
    /// Of an authority below.
    case downstreamKeyPublished = "downstream-key-published"
    case jwtKeyTainted = "jwt-key-tainted"
    case jwtKeyRevoked = "jwt-key-revoked"
    /// A name, a certificate, an entry or a node.
    case revoked
    case revocationLifted = "revocation-lifted"

    // MARK: The node's identities

    case nodeJoined = "node-joined"
    case notJoined = "not-joined"
    case nodeIdentityExpired = "node-identity-expired"
    case authorityConnected = "authority-connected"
    case authorityDisconnected = "authority-disconnected"
    case nodeSVIDRenewed = "node-svid-renewed"
    case nodeSVIDRenewalFailed = "node-svid-renewal-failed"
    case podSVIDReceived = "pod-svid-received"
    case podSVIDRenewalFailed = "pod-svid-renewal-failed"
    case directoryAccepted = "directory-accepted"
    case directoryRefused = "directory-refused"
    case bundleChanged = "bundle-changed"
    case ownLeasesRefused = "own-leases-refused"
    case stateNotSaved = "state-not-saved"
    case stateNotUsed = "state-not-used"
    /// This machine's clock and the authority's differ.
    case clockSkewed = "clock-skewed"
    /// The authority does not count it among its own.
    case nodeShutOut = "node-shut-out"
    case nodeLetIn = "node-let-in"
    /// The newest list of revoked certificates is another.
    case revocationsChanged = "revocations-changed"
    case podSVIDRevoked = "pod-svid-revoked"

    // MARK: Links to other nodes and the keys agreed on over them

    case linkListening = "link-listening"
    case linkEstablished = "link-established"
    case linkLost = "link-lost"
    /// We dialled, and there is no link.
    case linkFailed = "link-failed"
    /// Somebody dialled, and was turned away.
    case linkRefused = "link-refused"
    case epochConfirmed = "epoch-confirmed"
    case epochFailed = "epoch-failed"
    case associationInstalled = "association-installed"
    /// The kernel side did not take it.
    case associationFailed = "association-failed"
    /// A peer claims a workload that it did not prove to host.
    case proofRefused = "proof-refused"
    /// A peer does not take one of ours.
    case ownProofRefused = "own-proof-refused"
    case workloadWithdrawn = "workload-withdrawn"
    case addressQuarantined = "address-quarantined"
    /// An SA has carried as much as one should.
    case keysWorn = "keys-worn"
    /// Another node causes more events than are told.
    case peerNoisy = "peer-noisy"

    // MARK: Packets, pods and devices

    case packetDropped = "packet-dropped"
    case packetForwarded = "packet-forwarded"
    case datapathLoaded = "datapath-loaded"
    case datapathFailed = "datapath-failed"
    case datapathUninstalled = "datapath-uninstalled"
    case protectedChanged = "protected-changed"
    case uplinkAttached = "uplink-attached"
    case uplinkGone = "uplink-gone"
    case uplinkFailed = "uplink-failed"
    case noUplink = "no-uplink"
    case kernelEventsLost = "kernel-events-lost"
    case podAdded = "pod-added"
    case podAddFailed = "pod-add-failed"
    /// It was there before the daemon was.
    case podAdopted = "pod-adopted"
    case podRemoved = "pod-removed"
    case podGone = "pod-gone"
    case podWithoutIdentity = "pod-without-identity"
    /// A map of the kernel side has no room.
    case tableFull = "table-full"
    /// A device that the configuration names.
    case uplinkMissing = "uplink-missing"

    // MARK: The Workload API

    /// For processes, by an entry.
    case workloadSVIDReceived = "workload-svid-received"
    case workloadSVIDFailed = "workload-svid-failed"
    /// More connections than one may have.
    case workloadRefused = "workload-refused"
    /// An Envoy does not take what it was given.
    case secretRejected = "secret-rejected"
    /// Envoys are not told what was revoked.
    case listsWithheld = "lists-withheld"
    /// It has no answer, or none of sense.
    case containerRuntimeAway = "container-runtime-away"
    case containerRuntimeBack = "container-runtime-back"

    // MARK: The Broker API

    case brokersListening = "brokers-listening"
    /// Somebody who is no broker, or one with too many connections.
    case brokerRefused = "broker-refused"
    /// A broker may not refer to a workload so.
    case brokerDenied = "broker-denied"
    /// Its SVID is not valid any more.
    case brokerEnded = "broker-ended"
    /// A broker is given what is a workload's.
    case brokerServed = "broker-served"

    // MARK: Why the daemon does not start, which `psid doctor` finds beforehand

    case configurationRefused = "configuration-refused"
    /// A file or directory of the state is missing, damaged, or not private.
    case stateRefused = "state-refused"
    case instanceHeld = "instance-held"
    case kernelTooOld = "kernel-too-old"
    case kernelTypesMissing = "kernel-types-missing"
    case capabilitiesMissing = "capabilities-missing"
    case bpffsMissing = "bpffs-missing"
    /// The object is missing, is none, or does not suit what is pinned; or the kernel does not take it.
    case programsRefused = "programs-refused"
    /// An address or port cannot be bound.
    case addressRefused = "address-refused"
    case spaceMissing = "space-missing"
    case helperMissing = "helper-missing"
    /// For another reason than those above.
    case startFailed = "start-failed"
}

extension EventKind {
    /// `PSDnnnn`: on the command line, in the catalog and in the documentation.
    public var code: String { "PSD\(facts.number)" }

    /// Nil for a code that this version does not know.
    public init?(code: String) {
        guard let kind = Self.allCases.first(where: { $0.code == code }) else { return nil }
        self = kind
    }

    /// MESSAGE_ID= of its journal entries: 32 lower-case hexadecimal digits.
    public var messageID: String { facts.messageID }

    public var priority: EventPriority { facts.priority }
}

/// Importance as in syslog(3).
public enum EventPriority: Int, Sendable, Comparable, CaseIterable {
    case emergency
    case alert
    case critical
    case error
    case warning
    case notice
    case info
    case debug

    /// The more important is the smaller.
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

    var word: String { "\(self)" }
}
