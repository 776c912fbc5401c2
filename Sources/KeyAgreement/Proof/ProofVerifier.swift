internal import Addressing
internal import Identity
internal import OpenSSLBinding

/// A workload that a peer has proved to host. Only `ProofVerifier` makes one.
package struct ProvenWorkload: Sendable {
    let svid: X509SVID
    let identity: NumericIdentity
    let addresses: [IPAddress]

    fileprivate init(svid: X509SVID, identity: NumericIdentity, addresses: [IPAddress]) {
        self.svid = svid
        self.identity = identity
        self.addresses = addresses
    }
}

/// Why a proof is not believed.
struct ProofRefusal: Error, Equatable {
    let reason: RefusalReason
    /// From a certificate that is good.
    var identity: NumericIdentity?
    /// Those the reason is about.
    var addresses: [IPAddress] = []
    /// For our own journal; the peer is not told.
    var detail = ""
}

/// Takes nothing on the announcer's word: who the workload is says its certificate, where it runs the authority's extension,
/// which addresses are its node's the authority's leases.
struct ProofVerifier {
    let epoch: Epoch
    let peer: NodeNumber
    let bundle: TrustBundle
    let directory: DirectoryIndex
    let rules: AddressRules
    /// Seconds since 1970.
    let now: Int64

    init(_ epoch: Epoch, peer: NodeNumber, world: LinkWorld, directory: DirectoryIndex, now: Int64) {
        self.epoch = epoch
        self.peer = peer
        self.directory = directory
        self.now = now
        bundle = world.bundle
        rules = AddressRules(world, directory)
    }

    /// `before` says which SPIFFE ID was proved under a number.
    func verify(
        _ announce: Announce, before: (NumericIdentity) -> SPIFFEID? = { _ in nil }
    ) throws(ProofRefusal) -> ProvenWorkload {
        let (svid, identity) = try workload(announce.chain)
        if let known = before(identity), known != svid.id {
            throw ProofRefusal(
                reason: .identityMismatch, identity: identity, detail: "\(svid.id), proved before was \(known)")
        }
        let statement = ProofStatement(
            kind: .announce(nonce: announce.nonce), leafSHA256: svid.leaf.sha256, id: announce.id, generation: 0,
            addresses: announce.addresses)
        try check(statement, announce.signature, svid, identity)
        try check(announce.addresses, identity)
        try checkHasBegun(svid, identity)
        return ProvenWorkload(svid: svid, identity: identity, addresses: announce.addresses)
    }

    /// `current` is the SVID that was proved last; of the addresses only those that were not `known` before are judged.
    func verify(
        _ update: AddressUpdate, of identity: NumericIdentity, current: X509SVID, known: Set<IPAddress>
    ) throws(ProofRefusal) -> ProvenWorkload {
        let statement = ProofStatement(
            kind: .addresses, leafSHA256: current.leaf.sha256, id: update.id, generation: update.generation,
            addresses: update.addresses)
        try check(statement, update.signature, current, identity)
        try check(update.addresses, identity, except: known)
        return ProvenWorkload(svid: current, identity: identity, addresses: update.addresses)
    }

    func verify(_ renewal: Renewal, of current: X509SVID) throws(ProofRefusal) -> ProvenWorkload {
        let (svid, identity) = try workload(renewal.chain)
        guard identity == current.binding?.identity, svid.id == current.id else {
            throw ProofRefusal(reason: .identityChanged, identity: identity, detail: "\(svid.id), not \(current.id)")
        }
        let statement = ProofStatement(
            kind: .renew, leafSHA256: svid.leaf.sha256, id: renewal.id, generation: renewal.generation, addresses: [])
        try check(statement, renewal.signature, svid, identity)
        try checkHasBegun(svid, identity)
        return ProvenWorkload(svid: svid, identity: identity, addresses: [])
    }

    // MARK: Who

    private func workload(_ chain: [[UInt8]]) throws(ProofRefusal) -> (X509SVID, NumericIdentity) {
        let svid = try read(chain)
        guard svid.id.kind == .workload else { throw ProofRefusal(reason: .notAWorkload, detail: "\(svid.id)") }
        guard let binding = svid.binding else { throw ProofRefusal(reason: .bindingMissing, detail: "\(svid.id)") }
        guard binding.node == epoch.parties.peer.id else {
            throw ProofRefusal(reason: .boundToOtherNode, identity: binding.identity, detail: "\(binding.node)")
        }
        try checkNumber(binding.identity, svid.id)
        return (svid, binding.identity)
    }

    private func read(_ chain: [[UInt8]]) throws(ProofRefusal) -> X509SVID {
        let verifier = SVIDVerifier(bundle: bundle)
        do throws(SVIDRejection) {
            let chain = try SVIDVerifier.certificates(chain)
            return try tellsEarly ? verifier.verify(issued: chain, at: now) : verifier.verify(chain: chain, at: now)
        } catch {
            throw ProofRefusal(reason: .invalidSVID, detail: "\(error)")
        }
    }

    private var tellsEarly: Bool { epoch.agreement.version >= LinkVersions.notYetValid }

    /// Last: everything else about it is known to be right.
    private func checkHasBegun(_ svid: X509SVID, _ identity: NumericIdentity) throws(ProofRefusal) {
        guard svid.notBefore > now else { return }
        let detail = "it begins in \(svid.notBefore - now) s: is this machine's clock right?"
        throw ProofRefusal(reason: .notYetValid, identity: identity, detail: detail)
    }

    /// The directory may lag behind a certificate, never contradict it.
    private func checkNumber(_ identity: NumericIdentity, _ id: SPIFFEID) throws(ProofRefusal) {
        guard let known = directory.workload(identity), known != id else { return }
        throw ProofRefusal(reason: .identityMismatch, identity: identity, detail: "\(id), the directory says \(known)")
    }

    private func check(
        _ statement: ProofStatement, _ signature: [UInt8], _ svid: X509SVID, _ identity: NumericIdentity
    ) throws(ProofRefusal) {
        guard epoch.holds(statement, signature, of: svid) else {
            throw ProofRefusal(reason: .badSignature, identity: identity)
        }
    }

    // MARK: Where

    private func check(
        _ addresses: [IPAddress], _ identity: NumericIdentity, except known: Set<IPAddress> = []
    ) throws(ProofRefusal) {
        guard !addresses.isEmpty else { throw ProofRefusal(reason: .noAddresses, identity: identity) }
        guard Set(addresses).count == addresses.count else {
            throw ProofRefusal(reason: .addressRepeated, identity: identity)
        }
        let holder = AddressHoldings.Holder(peer: peer, identity: identity)
        var objections: [(IPAddress, RefusalReason)] = []
        for address in addresses where !known.contains(address) {
            if let reason = rules.objection(to: address, of: holder) { objections.append((address, reason)) }
        }
        guard let (_, reason) = objections.first else { return }
        let concerned = objections.filter { $0.1 == reason }.map(\.0)
        throw ProofRefusal(reason: reason, identity: identity, addresses: concerned)
    }
}
