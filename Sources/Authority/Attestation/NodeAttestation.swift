/// How a node showed who it is when it last joined.
public enum NodeAttestation: Sendable, Equatable {
    /// By a secret that was made for it.
    case joinToken
    /// By a certificate of its machine's, whose key has this SHA-256 (of the SubjectPublicKeyInfo, lower-case hexadecimal).
    case certificate(key: String)
    /// By a token of its Kubernetes cluster; the UID that the cluster gives the node, empty where it does not say.
    case clusterToken(nodeUID: String)
    /// By its TPM, whose endorsement key has this SHA-256 (of the SubjectPublicKeyInfo, lower-case hexadecimal).
    case tpm(key: String)
}

extension NodeAttestation {
    /// In words of the field.
    public var method: String {
        switch self {
        case .joinToken: "join-token"
        case .certificate: "x509pop"
        case .clusterToken: "k8s-psat"
        case .tpm: "tpm"
        }
    }

    /// What tells the node from others that join likewise; empty for a token, which is gone.
    public var selector: String {
        switch self {
        case .joinToken: ""
        case .certificate(let key), .tpm(let key): key
        case .clusterToken(let nodeUID): nodeUID
        }
    }

    init?(method: String, selector: String) {
        switch method {
        case "join-token": self = .joinToken
        case "x509pop": self = .certificate(key: selector)
        case "k8s-psat": self = .clusterToken(nodeUID: selector)
        case "tpm": self = .tpm(key: selector)
        default: return nil
        }
    }
}

/// A node of which others say who it is, and whom the authority was told to believe.
struct AttestedNode: Sendable, Equatable {
    let name: String
    let attestation: NodeAttestation
    /// Also when its name is known with another key.
    var mayChangeKey = false

    /// Whether it is the node that joined before under its name. Its witness does not speak of nodes that another let in.
    func follows(_ former: NodeAttestation) -> Bool {
        switch (attestation, former) {
        case (.certificate(let key), .certificate(let before)), (.tpm(let key), .tpm(let before)):
            key == before || mayChangeKey
        // Which machine has a node's name is the cluster's to say, also when it is another than before.
        case (.clusterToken, .clusterToken): true
        default: false
        }
    }
}
