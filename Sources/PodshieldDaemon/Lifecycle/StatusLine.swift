import Configuration
import Identity
import KeyAgreement
import NodeLink

/// Keeps the line of `systemctl status` true.
struct StatusLine: Sendable {
    let context: DaemonContext
    let node: NodeRole?

    func run() async {
        var told = ""
        while !Task.isCancelled {
            let line = await line()
            if line != told { context.report(status: line) }
            told = line
            try? await Task.sleep(for: .seconds(5))
        }
    }

    private func line() async -> String {
        let role = "\(context.configuration.role.name) of \(context.configuration.trustDomain)"
        guard let node else { return role }
        let peers = await node.parts.link.peers()
        let connected = peers.count { $0.state == .established }
        let pods = await node.pods.list().count
        return "\(role): \(node.settings.name), pods: \(pods), peers: \(connected) of \(peers.count) connected"
    }
}
