import Configuration

extension PodshieldConfiguration.Role {
    /// As the configuration file has it.
    var name: String {
        switch self {
        case .standalone: "standalone"
        case .authority: "authority"
        case .node: "node"
        }
    }
}
