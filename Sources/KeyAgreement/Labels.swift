/// Every label of the protocol: exporter, key derivation, confirmation and signature. One of each use, none a prefix of
/// another in what is hashed, because each is length-prefixed there. docs/protocol.md lists them.
enum Labels {
    // RFC 8446 section 7.5
    static let exporterESP = "EXPORTER-podshield-esp-v1"
    static let exporterEpoch = "EXPORTER-podshield-epoch-v1"
    static let exporterProof = "EXPORTER-podshield-proof-v1"

    // HKDF-Expand
    static let association = "podshield-sa-v1"
    static let confirmClient = "podshield-confirm-client-v1"
    static let confirmServer = "podshield-confirm-server-v1"

    // Signatures of SVIDs
    static let announce = "podshield-proof-announce-v1"
    static let addresses = "podshield-proof-addresses-v1"
    static let renew = "podshield-proof-renew-v1"
}
