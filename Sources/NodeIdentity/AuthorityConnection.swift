internal import AuthorityAPI
internal import GRPCCore
internal import OpenSSLBinding
internal import SecureCalls
internal import SecureTransport

/// One connection to the authority, its handshake complete.
struct AuthorityConnection: Sendable {
    typealias Transport = SecureConnection.Transport

    let calls: Podshield_Authority_V1_Authority.Client<Transport>
    private let connection: SecureConnection

    /// Connects and shakes hands; no call is possible on a connection whose peer is not who is expected.
    static func open(
        _ address: AuthorityAddress, identity: TransportIdentity, expecting: PeerExpectation
    ) async throws(ConnectionFailure) -> AuthorityConnection {
        do throws(SecureConnectionFailure) {
            return AuthorityConnection(
                try await SecureConnection.open(
                    host: address.host, port: address.port, identity: identity, expecting: expecting))
        } catch {
            throw ConnectionFailure(error)
        }
    }

    private init(_ connection: SecureConnection) {
        self.connection = connection
        calls = Podshield_Authority_V1_Authority.Client(wrapping: connection.client)
    }

    /// What a proof to the authority is made over, as `MachineProof` says.
    func exporter() throws(OpenSSLError) -> [UInt8] {
        guard let outcome = connection.outcome else {
            throw OpenSSLError(operation: "exporter", reasons: ["the handshake is not complete"])
        }
        let secret = try outcome.export(
            label: MachineProof.exporterLabel, context: [], length: MachineProof.exporterLength)
        return unsafe secret.withUnsafeBytes { unsafe Array($0) }
    }

    /// Carries calls until the connection ends, which it does when the task is cancelled, too.
    func run() async throws(ConnectionFailure) {
        do throws(SecureConnectionFailure) { try await connection.run() } catch { throw ConnectionFailure(error) }
    }

    /// Lets calls under way end, and then the connection.
    func close() { connection.close() }
}

extension ConnectionFailure {
    fileprivate init(_ failure: SecureConnectionFailure) {
        self =
            switch failure {
            case .notReached(let reason): .notReached(reason)
            case .transport(let error): .transport(error)
            }
    }
}
