/// A connection that has no confirmed epoch yet.
struct LinkAttempt: Sendable {
    enum Phase: Sendable {
        /// Dialled by us; the driver connects and does TLS within its own time.
        case dialing
        case handshaking(SecuredConnection, EpochHandshake)
    }

    var phase: Phase
    let started: BootNanoseconds

    var secured: SecuredConnection? {
        if case .handshaking(let secured, _) = phase { secured } else { nil }
    }

    var isOurs: Bool { secured.map { $0.parties.role == .client } ?? true }
}
