import Foundation
import OpenSSLBinding

/// What the key of a machine's certificate signs when its node joins. It is good on one connection, for one request: the
/// exporter follows from the random numbers of both ends and from the server's certificate, so that who is shown a proof
/// cannot show it to another.
public enum MachineProof {
    public static let exporterLabel = "EXPORTER-podshield-join-v1"
    /// Bytes.
    public static let exporterLength = 32
    private static let context = "podshield-join-v1"

    /// Every part has one length, so that there is one way to take it apart.
    public static func statement(exporter: [UInt8], leaf: Certificate, request: [UInt8]) -> [UInt8] {
        Array(context.utf8) + [0] + exporter + leaf.sha256 + SHA256Digest.hash(request)
    }
}

extension Podshield_Authority_V1_MachineCertificate {
    /// The certificates, leaf first, and proof that `key` is the leaf's.
    public init(
        chain: [Certificate], key: PrivateKey, exporter: [UInt8], request: [UInt8]
    ) throws(OpenSSLError) {
        self.init()
        guard let leaf = chain.first else {
            throw OpenSSLError(operation: "the proof of a certificate", reasons: ["there is none"])
        }
        self.chain = chain.map { Data($0.der) }
        signature = Data(
            try key.sign(MachineProof.statement(exporter: exporter, leaf: leaf, request: request)))
    }
}
