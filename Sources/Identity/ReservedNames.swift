/// What lies under `/podshield/`: infrastructure. No registration, template or CSR can produce such a path for a workload.
public enum ReservedNames {
    public static func node(_ name: String, in trustDomain: TrustDomain) throws(SPIFFEIDError) -> SPIFFEID {
        try SPIFFEID(trustDomain: trustDomain, path: "/podshield/node/\(name)")
    }

    public static func authority(_ name: String, in trustDomain: TrustDomain) throws(SPIFFEIDError) -> SPIFFEID {
        try SPIFFEID(trustDomain: trustDomain, path: "/podshield/authority/\(name)")
    }

    /// By which servers of SPIRE are known to those below them: what signs CAs for others shows itself so. No entry may have it.
    public static func spireServer(in trustDomain: TrustDomain) throws(SPIFFEIDError) -> SPIFFEID {
        try SPIFFEID(trustDomain: trustDomain, path: spireServerPath)
    }

    package static let spireServerPath = "/spire/server"
}

extension SPIFFEID {
    /// What the path says its holder is.
    public enum Kind: Sendable, Equatable {
        case trustDomain
        case node(name: String)
        case authority(name: String)
        case workload
        /// Under `/podshield/` but of no kind known to this version: never valid as a peer.
        case reserved
    }

    public var kind: Kind {
        guard !path.isEmpty else { return .trustDomain }
        let segments = path.dropFirst().split(separator: "/").map(String.init)
        guard segments[0] == "podshield" else { return .workload }
        guard segments.count == 3 else { return .reserved }
        switch segments[1] {
        case "node": return .node(name: segments[2])
        case "authority": return .authority(name: segments[2])
        default: return .reserved
        }
    }
}
