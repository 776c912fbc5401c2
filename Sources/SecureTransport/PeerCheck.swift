internal import Identity
internal import OpenSSLBinding
internal import Synchronization

/// Judges the certificates of one connection's peer, inside the handshake, and remembers the judgement.
final class PeerCheck: Sendable {
    private let identity: TransportIdentity
    private let expectation: PeerExpectation
    private let judgement = Mutex<Result<X509SVID, SecureTransportError>?>(nil)

    init(_ identity: TransportIdentity, _ expectation: PeerExpectation) {
        self.identity = identity
        self.expectation = expectation
    }

    /// The peer, once its certificate was seen and found good.
    var peer: X509SVID? { try? judgement.withLock { $0 }?.get() }

    /// Why the peer's certificate was refused.
    var refusal: SecureTransportError? {
        guard case .failure(let error) = judgement.withLock({ $0 }) else { return nil }
        return error
    }

    func judge(_ chain: [Certificate]) -> TLSPeerVerdict {
        let result = Result { () throws(SecureTransportError) in try verify(chain) }
        judgement.withLock { $0 = result }
        switch result {
        case .success: return .accepted
        case .failure(let error): return error.verdict
        }
    }

    private func verify(_ chain: [Certificate]) throws(SecureTransportError) -> X509SVID {
        let svid: X509SVID
        do throws(SVIDRejection) {
            svid = try SVIDVerifier(bundle: bundle(for: chain)).verify(chain: chain, at: identity.now())
        } catch .unknownAuthority where pinIsMissing(in: chain) {
            throw .pinnedRootNotPresented
        } catch {
            throw .peerRejected(error)
        }
        guard expectation.accepts(svid.id) else { throw .unexpectedPeer(svid.id, expected: expectation) }
        if expectation.isOfOwnNode, let node = svid.binding?.node, node != ownID {
            throw .peerOfOtherNode(svid.id, node: node)
        }
        return svid
    }

    private var ownID: SPIFFEID? { (try? identity.current())?.svid.id }

    /// Under pins only a presented certificate of such a fingerprint is trusted, and nothing if there is none.
    private func bundle(for chain: [Certificate]) throws(SVIDRejection) -> TrustBundle {
        guard case .pinnedRoot(let pins) = expectation else { return identity.bundle() }
        let roots = chain.filter { pins.contains($0.sha256) }
        return try TrustBundle(
            trustDomain: identity.bundle().trustDomain, authorities: Array(roots.prefix(1)), sequence: 0)
    }

    private func pinIsMissing(in chain: [Certificate]) -> Bool {
        guard case .pinnedRoot(let pins) = expectation else { return false }
        return !chain.contains { pins.contains($0.sha256) }
    }
}

extension SecureTransportError {
    /// Which alert tells the peer.
    fileprivate var verdict: TLSPeerVerdict {
        switch self {
        case .peerRejected(.expired), .peerRejected(.notYetValid): .expired
        case .peerRejected(.revoked): .revoked
        case .peerRejected(.unknownAuthority), .pinnedRootNotPresented: .unknownAuthority
        default: .unsuitable
        }
    }
}
