internal import Crypto
internal import Identity
internal import OpenSSLBinding

/// What a confirmed handshake leaves: all that SAs and proofs of one epoch are made from.
struct Epoch: Sendable {
    let id: EpochID
    let parties: LinkParties
    let agreement: Agreement
    let peerHello: Hello
    let keys: KeySchedule
    /// What every proof on this connection is bound to.
    let proofBinding: [UInt8]
}

/// From a complete TLS handshake to a confirmed epoch:
///
///     client: Hello              -> server: Hello
///     client: KEMOffer           -> server: KEMAnswer, Confirm
///     client: Confirm            (the client is done when it has verified the server's, the server when the client's)
///
/// The exporter is first used when the peer's Hello has arrived: that message shows that the peer too has verified us,
/// which a TLS 1.3 client cannot know from the handshake alone.
struct EpochHandshake: Sendable {
    private enum Phase {
        case helloSent
        case offered(KeyEncapsulation, Agreement, Hello)
        case awaitingOffer(Agreement, Hello)
        case awaitingConfirm(Epoch)
        case done
    }

    /// Messages to send, and the epoch when it is confirmed.
    struct Step {
        var send: [LinkMessage] = []
        var epoch: Epoch?
    }

    private let parties: LinkParties
    private let exporter: Exporter
    private let hello: Hello
    private let peerNumber: NodeNumber
    private let entropy: Entropy
    private var phase = Phase.helloSent
    private var transcript = HandshakeTranscript()

    /// `hello` is sent by the caller at once.
    init(parties: LinkParties, exporter: Exporter, hello: Hello, peerNumber: NodeNumber, entropy: Entropy) {
        self.parties = parties
        self.exporter = exporter
        self.hello = hello
        self.peerNumber = peerNumber
        self.entropy = entropy
        transcript.record(.hello(hello), by: parties.role)
    }

    mutating func receive(_ message: LinkMessage) throws(LinkFailure) -> Step {
        switch (phase, message) {
        case (.helloSent, .hello(let peer)): try receiveHello(peer)
        case (.awaitingOffer(let agreement, let peer), .kemOffer(let key)): try answer(key, agreement, peer)
        case (.offered(let own, let agreement, let peer), .kemAnswer(let ciphertext)):
            try take(ciphertext, own, agreement, peer)
        case (.awaitingConfirm(let epoch), .confirm(let mac)): try finish(epoch, mac)
        default: throw .unexpectedMessage(type: message.type)
        }
    }

    private mutating func receiveHello(_ peer: Hello) throws(LinkFailure) -> Step {
        guard peer.node == peerNumber else { throw .wrongNodeNumber(peer.node) }
        transcript.record(.hello(peer), by: parties.peerRole)
        let isClient = parties.role == .client
        let agreement = try Agreement(client: isClient ? hello : peer, server: isClient ? peer : hello)
        guard isClient else {
            phase = .awaitingOffer(agreement, peer)
            return Step()
        }
        let own = try KeyEncapsulation(seed: entropy.bytes(KeyEncapsulation.seedLength))
        phase = .offered(own, agreement, peer)
        return Step(send: [record(.kemOffer(own.encapsulationKey))])
    }

    private mutating func answer(_ key: [UInt8], _ agreement: Agreement, _ peer: Hello) throws(LinkFailure) -> Step {
        guard let encapsulated = entropy.encapsulate(key) else { throw .keyEncapsulationFailed }
        transcript.record(.kemOffer(key), by: .client)
        let answer = record(.kemAnswer(encapsulated.ciphertext))
        let epoch = try makeEpoch(encapsulated.secret, key + encapsulated.ciphertext, agreement, peer)
        phase = .awaitingConfirm(epoch)
        return Step(send: [answer, confirmation(of: epoch)])
    }

    private mutating func take(
        _ ciphertext: [UInt8], _ own: KeyEncapsulation, _ agreement: Agreement, _ peer: Hello
    ) throws(LinkFailure) -> Step {
        transcript.record(.kemAnswer(ciphertext), by: .server)
        let secret = try own.decapsulate(ciphertext)
        phase = .awaitingConfirm(try makeEpoch(secret, own.encapsulationKey + ciphertext, agreement, peer))
        return Step()
    }

    private mutating func finish(_ epoch: Epoch, _ mac: [UInt8]) throws(LinkFailure) -> Step {
        let expected = epoch.keys.confirmation(by: parties.peerRole, transcript: transcript.hash)
        guard SecretBytes.constantTimeEqual(expected, mac) else { throw .confirmationFailed }
        phase = .done
        return Step(send: parties.role == .client ? [confirmation(of: epoch)] : [], epoch: epoch)
    }

    private func confirmation(of epoch: Epoch) -> LinkMessage {
        .confirm(epoch.keys.confirmation(by: parties.role, transcript: transcript.hash))
    }

    private mutating func record(_ message: LinkMessage) -> LinkMessage {
        transcript.record(message, by: parties.role)
        return message
    }

    private func makeEpoch(
        _ secret: SecretBytes, _ kemMessages: [UInt8], _ agreement: Agreement, _ peer: Hello
    ) throws(LinkFailure) -> Epoch {
        do throws(OpenSSLError) {
            let id = EpochID(try exporter.publicBytes(Labels.exporterEpoch, EpochID.length))
            let context = EpochContext(
                client: parties.client, server: parties.server, epoch: id,
                kemTranscript: Array(SHA384.hash(data: kemMessages)), version: agreement.version,
                suite: agreement.suite, postQuantum: agreement.postQuantum)
            return Epoch(
                id: id, parties: parties, agreement: agreement, peerHello: peer,
                keys: try KeySchedule(exporter, context: context, kemSecret: secret),
                proofBinding: try exporter.publicBytes(Labels.exporterProof, LinkLimits.proofExporterBytes))
        } catch {
            throw .exporterFailed(error)
        }
    }
}

/// The frames of a handshake in the order client Hello, server Hello, offer, answer, whatever order they crossed in.
struct HandshakeTranscript: Sendable {
    private var frames: [UInt8: [UInt8]] = [:]

    mutating func record(_ message: LinkMessage, by role: LinkRole) {
        let position = if case .hello = message { role.rawValue } else { message.type + 1 }
        frames[position] = message.frame
    }

    /// SHA-384 of the frames.
    var hash: [UInt8] {
        Array(SHA384.hash(data: frames.sorted { $0.key < $1.key }.flatMap(\.value)))
    }
}

extension Exporter {
    /// Exported bytes that are no secret: names and bindings.
    fileprivate func publicBytes(_ label: String, _ count: Int) throws(OpenSSLError) -> [UInt8] {
        let bytes = try export(label, [], count)
        return unsafe bytes.withUnsafeBytes { unsafe Array($0) }
    }
}
