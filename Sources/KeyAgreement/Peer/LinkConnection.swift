internal import Identity

/// A connection whose epoch is confirmed.
struct LinkConnection: Sendable {
    let id: ConnectionID
    let secured: SecuredConnection
    let epoch: Epoch
    let confirmed: BootNanoseconds
    var rekeyAt: BootNanoseconds
    var lastHeard: BootNanoseconds
    /// Since nothing was heard.
    var isPinged = false
    var incoming = IncomingAnnouncements()
    var outgoing = OutgoingAnnouncements()

    var origin: AssociationOrigin {
        AssociationOrigin(connection: id, epoch: epoch.id, peerSVID: secured.peerSVID)
    }

    /// Seconds since 1970 at which the first of the two nodes' certificates ends.
    var certificatesEnd: Int64 { min(secured.localSVID.notAfter, secured.peerSVID.notAfter) }

    /// Until when a key of this epoch may be used for a workload: twice the epoch, and no longer than every certificate
    /// behind it.
    func deadline(of svid: X509SVID, epoch length: Duration, now: LinkTime) -> BootNanoseconds {
        min(confirmed.adding(length * 2), now.boot(at: min(svid.notAfter, certificatesEnd)))
    }

    /// The inputs of the key by which `sender`'s workload reaches the other end.
    func inputs(
        sender: LinkParty, receiver: LinkParty, spi: SPI, workload: X509SVID, identity: NumericIdentity,
        senderNonce: [UInt8], receiverNonce: [UInt8]
    ) -> AssociationInputs {
        AssociationInputs(
            sender: sender.id, receiver: receiver.id, spi: spi, identity: identity, workload: workload.id,
            senderNonce: senderNonce, receiverNonce: receiverNonce)
    }
}

/// What the peer has announced on a connection and what became of it.
struct IncomingAnnouncements: Sendable {
    struct Announcement {
        let identity: NumericIdentity
        let spi: SPI
        /// Of the last update, whatever the answer.
        var generation: UInt32 = 0
    }

    private(set) var accepted: [UInt32: Announcement] = [:]
    private(set) var ids: [NumericIdentity: UInt32] = [:]
    /// The peer has said all.
    var isComplete = false
    /// Identities that were refused here for reasons that leave what was proved before.
    var spared: Set<NumericIdentity> = []
    private var lastID: UInt32 = 0
    private(set) var refusals = 0

    subscript(id: UInt32) -> Announcement? { accepted[id] }

    /// IDs only grow, so that none need be remembered.
    mutating func admit(_ id: UInt32) throws(LinkFailure) {
        guard id > lastID else { throw .badAnnouncementID(id) }
        lastID = id
        guard accepted.count < LinkLimits.announcementsPerConnection else { throw .tooManyAnnouncements }
    }

    mutating func countRefusal() throws(LinkFailure) {
        refusals += 1
        guard refusals <= LinkLimits.refusalsPerConnection else { throw .tooManyAnnouncements }
    }

    mutating func accept(_ id: UInt32, _ announcement: Announcement) {
        accepted[id] = announcement
        ids[announcement.identity] = id
        spared.remove(announcement.identity)
    }

    mutating func advance(_ id: UInt32, to generation: UInt32) { accepted[id]?.generation = generation }

    @discardableResult
    mutating func remove(_ id: UInt32) -> Announcement? {
        guard let announcement = accepted.removeValue(forKey: id) else { return nil }
        ids[announcement.identity] = nil
        return announcement
    }
}
