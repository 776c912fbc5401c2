internal import AuthorityAPI
internal import Foundation
internal import GRPCCore
internal import OpenSSLBinding
internal import SecureTransport

/// What nobody but the two ends of a connection has: proofs are made over it. It travels as the caller does.
struct ConnectionProof: Sendable, Equatable {
    let exporter: [UInt8]

    static let header = "podshield-connection-bin"

    init(_ outcome: HandshakeOutcome) throws(OpenSSLError) {
        let secret = try outcome.export(
            label: MachineProof.exporterLabel, context: [], length: MachineProof.exporterLength)
        exporter = unsafe secret.withUnsafeBytes { unsafe Array($0) }
    }

    /// Nil where no stamp was put on.
    init?(_ metadata: Metadata) {
        let values = Array(metadata[binaryValues: Self.header])
        guard values.count == 1, values[0].count == MachineProof.exporterLength else { return nil }
        exporter = values[0]
    }

    var headerValue: String { Data(exporter).base64EncodedString() }
}
