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
                await pods.setShutOut(false)
            case .nodeRenewed: await link.identityChanged()
            case .shutOut(let exclusion):
                await pods.setShutOut(true)
                if exclusion.isOverOnceItJoins { await rejoin() }
            case .letIn: await pods.setShutOut(false)
            case .identityExpired: await rejoin()
            default: break
            }
        }
    }
}
