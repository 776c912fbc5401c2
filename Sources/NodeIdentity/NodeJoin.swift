internal import AuthorityAPI
internal import Foundation
internal import GRPCCore
internal import Identity
internal import Issuance
public import OpenSSLBinding
internal import SecureTransport
public import TrustedPlatform

/// By what a node shows that it may join.
public enum JoinCredential: Sendable {
    /// A secret that was made for it, good once.
    case token(String)
    /// A certificate of the machine's, leaf first, whose issuer the authority was told of; good again and again.
    case certificate(chain: [Certificate], key: PrivateKey)
    /// What its Kubernetes cluster gave a pod on the node for the authority, whose operator told it of the cluster.
    case clusterToken(String)
    /// The machine's TPM, whose endorsement key or its issuer the authority was told of; good again and again.
    case tpm(any TPMSource)
}

/// What a new node needs.
public struct JoinInvitation: Sendable {
    public var credential: JoinCredential
    /// `host:port`
    public var authorityAddress: String
    /// SHA-256 of root certificates, 64 hexadecimal digits each; colons are passed over. Any of them will do: a second is for the
    /// time when one CA follows another.
    public var rootFingerprints: [String]
    /// Name that the node asks for; nil when the credential says it.
    public var nodeName: String?

    public init(
        _ credential: JoinCredential, authorityAddress: String, rootFingerprints: [String], nodeName: String? = nil
    ) {
        // Those who hold an invitation try it again and again.
        self.credential = if case .tpm(let source) = credential { .tpm(KeptTPM(source)) } else { credential }
        self.authorityAddress = authorityAddress
        self.rootFingerprints = rootFingerprints
        self.nodeName = nodeName
    }
}

/// The first contact: the only time that trust comes from what an operator typed.
struct NodeJoin: Sendable {
    let trustDomain: TrustDomain
    let endpoint: NodeEndpoint
    let patience: Duration
    let tpmCalls: TPMCalls
    let now: @Sendable () -> Int64

    struct Joined: Sendable {
        let svid: KeyedSVID
        let bundle: TrustBundle
        let membership: NodeMembership
    }

    /// Shows the credential to nobody but an authority's server under a root with such a fingerprint.
    func join(_ invitation: JoinInvitation) async throws(JoinError) -> Joined {
        var pins: [[UInt8]] = []
        for fingerprint in invitation.rootFingerprints { pins.append(try Self.fingerprint(fingerprint)) }
        let proof = try await JoinProof(invitation.credential, tpmCalls)
        let connection = try await open(invitation.authorityAddress, pins: pins)
        let running = Task { try await connection.run() }
        defer { running.cancel() }
        do {
            return try await exchange(invitation, proof, over: connection, pins: pins)
        } catch {
            if let error = error as? TPMError { throw .tpm(error) }
            let refusal = AuthorityCallError(error)
            if case .denied = refusal, let reason = proof.certificateFailure { throw .uncertified(refusal, reason) }
            throw .call(refusal)
        }
    }

    private func open(_ address: String, pins: [[UInt8]]) async throws(JoinError) -> AuthorityConnection {
        let nobody = TransportIdentity(
            current: { nil }, bundle: { [trustDomain] in .empty(trustDomain) }, now: now)
        do throws(ConnectionFailure) {
            return try await AuthorityConnection.open(
                AuthorityAddress(address), identity: nobody, expecting: .pinnedRoot(anyOf: pins))
        } catch {
            throw .connection(error)
        }
    }

    private func exchange(
        _ invitation: JoinInvitation, _ proof: JoinProof, over connection: AuthorityConnection, pins: [[UInt8]]
    ) async throws -> Joined {
        let key = try PrivateKey.generate()
        var request = Podshield_Authority_V1_JoinRequest()
        request.request = Data(try SigningRequest.make(key: key))
        request.nodeName = invitation.nodeName ?? ""
        request.endpoint = Podshield_Authority_V1_Endpoint(endpoint)
        var options = CallOptions.defaults
        options.timeout = patience
        try await proof.add(to: &request, over: connection, options)
        let answer = try await connection.calls.join(request, options: options)
        return try accept(answer, key: key, invitation, pins: pins)
    }

    private func accept(
        _ answer: Podshield_Authority_V1_JoinResponse, key: PrivateKey, _ invitation: JoinInvitation, pins: [[UInt8]]
    ) throws(AuthorityCallError) -> Joined {
        guard let bundle = answer.bundle.parsed(in: trustDomain),
            bundle.authorities.contains(where: { pins.contains($0.sha256) })
        else { throw .badAnswer("the bundle does not hold the root that was asked for") }
        let svid = try KeyedSVID(answer: answer.chain, key: key, bundle: bundle, now: now())
        guard case .node(let name) = svid.svid.id.kind, name == invitation.nodeName ?? name, answer.nodeNumber > 0
        else {
            throw .badAnswer("it is not the identity of this node")
        }
        let membership = NodeMembership(
            name: name, number: answer.nodeNumber, authorityAddress: invitation.authorityAddress)
        return Joined(svid: svid, bundle: bundle, membership: membership)
    }

    /// 32 bytes from hexadecimal digits.
    static func fingerprint(_ text: String) throws(JoinError) -> [UInt8] {
        let digits = Array(text.utf8.filter { $0 != UInt8(ascii: ":") })
        guard digits.count == 64 else { throw .badFingerprint(text) }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: 64, by: 2) {
            guard digits[index] != UInt8(ascii: "+"),
                let byte = UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16)
            else { throw .badFingerprint(text) }
            bytes.append(byte)
        }
        return bytes
    }
}

extension KeyedSVID {
    /// A chain that the authority answered with, verified against the bundle and the key it was asked for.
    init(answer chain: [Data], key: PrivateKey, bundle: TrustBundle, now: Int64) throws(AuthorityCallError) {
        do throws(SVIDRejection) {
            let svid = try SVIDVerifier(bundle: bundle).verify(chainDER: chain.map(Array.init), at: now)
            try self.init(svid: svid, key: key)
        } catch {
            throw .badAnswer("\(error)")
        }
    }
}
