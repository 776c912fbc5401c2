package import Addressing
package import Identity

/// What a peer's machine is told. The results of its actions come before all else.
package enum LinkInput: Sendable {
    // Connections
    /// TLS is complete and the peer is this node; as a client of the dial that was asked for, as a server unasked.
    case secured(ConnectionID, SecuredConnection)
    case received(ConnectionID, LinkMessage)
    /// What came can not be read; the connection is still to be closed.
    case broken(ConnectionID, LinkFailure)
    /// The connection has gone, or never came to be.
    case ended(ConnectionID, LinkFailure)

    // Results
    case reserved(PendingAcceptance, SPI?)
    case installedInbound(PendingAcceptance, InboundSA, succeeded: Bool)
    case installedOutbound(PendingSwitch, OutboundSA, succeeded: Bool)
    case bound(PendingBinding, succeeded: Bool)
    case unbound(NumericIdentity, [IPAddress])
    /// Whether packets can be sent to where the peer is.
    case placed(succeeded: Bool)
    /// A packet came on this SA.
    case heard(SPI)

    // The composition
    /// First of all, once: with what an earlier run left of this peer.
    case started([AdoptedSA])
    case node(Directory.Node)
    case directoryChanged
    /// Something that was claimed for more than one workload is free.
    case addressesUnbound
    /// `rootsLost`: some that were trusted are no longer.
    case trustChanged(rootsLost: Bool)
    case identityChanged
    case hostingChanged
    case trafficWaits
    case rekey
    /// This outbound SA of ours has carried as much as one should.
    case worn(NumericIdentity, SPI)
    /// The directory has the peer no longer.
    case removed
    case stopped
    case tick
}

/// A connection whose TLS handshake is complete on this side.
package struct SecuredConnection: Sendable {
    let parties: LinkParties
    let exporter: Exporter
    let localSVID: X509SVID
    let peerSVID: X509SVID
    let tlsGroup: String
    let tlsCipherSuite: String

    package init(
        role: LinkRole, localSVID: X509SVID, peerSVID: X509SVID, exporter: Exporter, tlsGroup: String,
        tlsCipherSuite: String
    ) {
        parties = LinkParties(role: role, local: LinkParty(localSVID), peer: LinkParty(peerSVID))
        self.exporter = exporter
        self.localSVID = localSVID
        self.peerSVID = peerSVID
        self.tlsGroup = tlsGroup
        self.tlsCipherSuite = tlsCipherSuite
    }
}

/// An announcement that is believed and has no SA yet.
package struct PendingAcceptance: Sendable {
    let connection: ConnectionID
    let id: UInt32
    let senderNonce: [UInt8]
    let proven: ProvenWorkload
    var receiverNonce: [UInt8] = []

    package var identity: NumericIdentity { proven.identity }
}

/// An acceptance of ours whose SA is being installed.
package struct PendingSwitch: Sendable {
    let connection: ConnectionID
    let id: UInt32
}

/// Addresses that are being bound.
package struct PendingBinding: Sendable {
    package let identity: NumericIdentity
    package let addresses: [IPAddress]
    /// The update to answer; nil when the directory allowed what was claimed before.
    let answer: (id: UInt32, generation: UInt32)?
}
