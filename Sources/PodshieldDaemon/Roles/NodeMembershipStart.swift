import Authority
import AuthorityAPI
import Configuration
import Identity
import NodeIdentity
import OpenSSLBinding
import TPMBinding
import Telemetry

/// How this node comes to its identity and keeps it.
struct NodeMembershipStart {
    let node: PodshieldConfiguration.Node
    let daemon: DaemonContext
    /// Nil when the authority is another daemon.
    let authority: AuthorityRole?

    /// Takes up what an earlier run left of the node's identity, if any, and keeps it. Asks nobody.
    ///
    /// - Parameter changed: is told what happens, from any thread.
    func open(_ changed: @escaping @Sendable (NodeIdentityEvent) -> Void) throws(StartError) -> NodeIdentityService {
        var settings = NodeIdentitySettings(
            trustDomain: daemon.configuration.trustDomain, stateDirectory: daemon.configuration.paths.nodeState,
            endpoint: NodeEndpoint(address: node.address, linkPort: node.linkPort, espPort: node.espPort))
        settings.authorityAddresses = authorityAddresses
        settings.keyAlgorithm = KeyAlgorithm(node.keyType)
        settings.stateKey = try stateKey()
        if case .tpm(let configuration)? = daemon.configuration.join?.credential {
            settings.tpm = TPMDevice(configuration: configuration)
        }
        let service: NodeIdentityService
        do throws(NodeStateError) {
            service = try NodeIdentityService(settings, clock: NodeClock(now: WallClock.seconds)) { event in
                daemon.telemetry.record(Event(event))
                changed(event)
            }
        } catch {
            throw .nodeState(error)
        }
        daemon.components.start("the node's identity") { await service.run() }
        return service
    }

    private func stateKey() throws(StartError) -> SecretBytes? {
        guard let source = node.stateKey else { return nil }
        let key: ConfigurationKey =
            if case .file = source { .nodeStateKeyFile } else { .nodeStateKeyCredential }
        let secret: SecretBytes
        do throws(SecretError) { secret = try source.read() } catch { throw .badSetting(key: key, reason: "\(error)") }
        guard secret.count >= Self.shortestStateKey else {
            throw .badSetting(
                key: key, reason: "it has \(secret.count) bytes; \(Self.shortestStateKey) random ones are needed")
        }
        return secret
    }

    /// Bytes; what is sealed by fewer could be tried out.
    private static let shortestStateKey = 32

    private var authorityAddresses: [String] {
        if let authority { return [authority.localAddress] }
        return daemon.configuration.join.map { $0.authorities.map(\.description) } ?? []
    }

    /// Returns once the node has an identity.
    func complete(_ service: NodeIdentityService) async throws(StartError) {
        if await !isMember(service) { try await join(service) }
    }

    /// Joins again where that needs nobody's help: a machine that slept, or was evicted, has an authority in the same process or
    /// a certificate of its own, and tries until it is let in. A token is good once, and is shown to one that answers once: it may be a new one.
    func restore(_ service: NodeIdentityService) async {
        let isRepeatable = authority != nil || daemon.configuration.join?.isRepeatable == true
        while !Task.isCancelled {
            do throws(StartError) { return try await complete(service) } catch {
                daemon.report(status: "\(error)")
                guard isRepeatable || error.isOfUnreachedAuthority else { return }
            }
            try? await Task.sleep(for: .seconds(5))
        }
    }

    /// What is held may be of a time when the node had another name.
    private func isMember(_ service: NodeIdentityService) async -> Bool {
        let status = await service.status()
        return status.svid != nil && status.exclusion?.isOverOnceItJoins != true && status.membership?.name == node.name
    }

    // MARK: Joining

    private func join(_ service: NodeIdentityService) async throws(StartError) {
        var invitation = try await invitation()
        let deadline = ContinuousClock.now + Self.patience
        for turn in 0... {
            invitation.authorityAddress = authorityAddresses[turn % authorityAddresses.count]
            do throws(JoinError) {
                return try await service.join(invitation)
            } catch {
                // The token is not used up by an authority that was not reached, and what one refuses another may grant.
                let isLast = turn + 1 >= authorityAddresses.count
                guard error.isTemporary || !isLast && error.isAnAuthoritys, .now < deadline, !Task.isCancelled else {
                    throw .join(error, authority: invitation.authorityAddress)
                }
                daemon.report(status: "waiting for the authority: \(error)")
            }
            try? await Task.sleep(for: .seconds(1))
        }
    }

    private static let patience = Duration.seconds(40)

    private func invitation() async throws(StartError) -> JoinInvitation {
        guard let authority else { return try foreignInvitation() }
        do throws(InvitationError) {
            let made = try await authority.service.generateToken(
                InvitationTerms(node: node.name, lifetime: .seconds(60)))
            return JoinInvitation(
                .token(made.token), authorityAddress: authority.localAddress, rootFingerprints: [made.rootFingerprint],
                nodeName: node.name)
        } catch {
            throw .invitation(error)
        }
    }

    private func foreignInvitation() throws(StartError) -> JoinInvitation {
        guard let join = daemon.configuration.join else { throw .noToken(.none) }
        return JoinInvitation(
            try JoinCredential(join.credential), authorityAddress: join.authorities[0].description,
            rootFingerprints: join.rootFingerprints, nodeName: node.name)
    }
}

extension StartError {
    /// Nothing was used up.
    fileprivate var isOfUnreachedAuthority: Bool {
        if case .join(let error, _) = self { error.isTemporary } else { false }
    }
}

extension JoinError {
    /// Whether an authority has said so, and not this machine.
    fileprivate var isAnAuthoritys: Bool {
        switch self {
        case .connection, .call, .uncertified: true
        case .badFingerprint, .tpm, .state: false
        }
    }

    /// Whether the same may work in a while.
    fileprivate var isTemporary: Bool {
        switch self {
        case .connection(.notReached), .call(.unreachable), .call(.overloaded): true
        case .badFingerprint, .connection, .call, .uncertified, .tpm, .state: false
        }
    }
}
