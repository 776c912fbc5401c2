import Identity
import NodeIdentity
import NodeLink

/// What the authority says of nodes, leases and identities, on its way to those who act on it.
struct DirectoryFlow: Sendable {
    let parts: NodeParts

    func run() async {
        for await directory in parts.identity.directories() {
            parts.names.update(directory: directory)
            await parts.link.update(directory: directory)
        }
    }
}

/// Changes of the node's own identity and of its trust, on their way to the links that rest on them.
struct IdentityFlow: Sendable {
    let identity: NodeIdentityService
    let link: NodeLinkService
    let pods: PodRegistry
    let changes: AsyncStream<NodeIdentityEvent>
    /// Tries to join again once the identity has run out, or means nothing to the authority.
    let rejoin: @Sendable () async -> Void

    func run() async {
        for await event in changes {
            switch event {
            case .bundleChanged, .revocationsChanged: await link.bundleChanged()
            case .workloadRevoked(let issued): await pods.lost(issued)
            case .joined:
                await link.identityChanged()
                await letIn()
            case .nodeRenewed: await link.identityChanged()
            case .shutOut(let exclusion): await shutOut(exclusion)
            case .letIn: await letIn()
            case .identityExpired: await rejoin()
            default: break
            }
        }
    }

    /// Peers may take their time to say that they have heard of it: what needs nobody else comes first.
    private func shutOut(_ exclusion: Exclusion) async {
        if exclusion.takesAllBack {
            await pods.loseAll()
            await link.shutOut()
        }
        await pods.setShutOut(true)
        if exclusion.isOverOnceItJoins { await rejoin() }
    }

    /// The directory may be the same as before, and so is told to nobody else.
    private func letIn() async {
        await link.letIn(directory: await identity.currentDirectory)
        await pods.setShutOut(false)
    }
}
