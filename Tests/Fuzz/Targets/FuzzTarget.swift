/// A parser of bytes that come from others, and what must hold of all it accepts. A broken promise traps.
public enum FuzzTarget: String, CaseIterable, Sendable {
    case linkFrames = "link-frames"
    case linkPeer = "link-peer"
    case tlsRecords = "tls-records"
    case certificate
    case request
    case binding
    case revocationList = "revocation-list"
    case jwt
    case jwks
    case authorityMessages = "authority-messages"
    case adminRequests = "admin-requests"
    case authorityCommands = "authority-commands"
    case entryFile = "entry-file"
    case brokerReference = "broker-reference"
    case workloadRequests = "workload-requests"
    case reflection
    case httpAnswer = "http-answer"
    case tokenReview = "token-review"
    case signedAuthority = "signed-authority"
    case spireAnswer = "spire-answer"
    case spireBundle = "spire-bundle"
    case configuration
    case namespaceHelper = "namespace-helper"
    case spiffeID = "spiffe-id"
    case address
    case backup
    case registryChange = "registry-change"
    case tpmStructures = "tpm-structures"
    case containerGroup = "container-group"
    case containerStatus = "container-status"

    public func run(_ input: [UInt8]) {
        switch self {
        case .linkFrames: fuzzLinkFrames(input)
        case .linkPeer: fuzzLinkPeer(input)
        case .tlsRecords: fuzzTLSRecords(input)
        case .certificate: fuzzCertificate(input)
        case .request: fuzzRequest(input)
        case .binding: fuzzBinding(input)
        case .revocationList: fuzzRevocationList(input)
        case .jwt: fuzzJWT(input)
        case .jwks: fuzzJWKS(input)
        case .authorityMessages: fuzzAuthorityMessages(input)
        case .adminRequests: fuzzAdminRequests(input)
        case .authorityCommands: fuzzAuthorityCommands(input)
        case .entryFile: fuzzEntryFile(input)
        case .brokerReference: fuzzBrokerReference(input)
        case .workloadRequests: fuzzWorkloadRequests(input)
        case .reflection: fuzzReflection(input)
        case .httpAnswer: fuzzHTTPAnswer(input)
        case .tokenReview: fuzzTokenReview(input)
        case .signedAuthority: fuzzSignedAuthority(input)
        case .spireAnswer: fuzzSPIREAnswer(input)
        case .spireBundle: fuzzSPIREBundle(input)
        case .configuration: fuzzConfiguration(input)
        case .namespaceHelper: fuzzNamespaceHelper(input)
        case .spiffeID: fuzzSPIFFEID(input)
        case .address: fuzzAddress(input)
        case .backup: fuzzBackup(input)
        case .registryChange: fuzzRegistryChange(input)
        case .tpmStructures: fuzzTPMStructures(input)
        case .containerGroup: fuzzContainerGroup(input)
        case .containerStatus: fuzzContainerStatus(input)
        }
    }
}
