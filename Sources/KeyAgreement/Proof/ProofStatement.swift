internal import Addressing
internal import Identity
internal import OpenSSLBinding

/// What an SVID's key signs to show that the node at this end of this connection hosts its workload. Every field is
/// length-prefixed, and the label says which of the three statements it is.
struct ProofStatement {
    enum Kind {
        case announce(nonce: [UInt8])
        case addresses
        case renew

        var label: String {
            switch self {
            case .announce: Labels.announce
            case .addresses: Labels.addresses
            case .renew: Labels.renew
            }
        }

        var nonce: [UInt8] {
            if case .announce(let nonce) = self { nonce } else { [] }
        }
    }

    let kind: Kind
    /// SHA-256 of the leaf whose key signs.
    let leafSHA256: [UInt8]
    let id: UInt32
    let generation: UInt32
    /// In the order of the message; none in a renewal.
    let addresses: [IPAddress]

    /// The signed bytes, of the end that has `role` in this epoch.
    func encoded(_ epoch: Epoch, signer role: LinkRole) -> [UInt8] {
        let parties = epoch.parties
        let (signer, other) =
            role == .client ? (parties.client, parties.server) : (parties.server, parties.client)
        var fields = FieldWriter()
        fields.field(kind.label)
        fields.field([role.rawValue])
        fields.field(signer.id.description)
        fields.field(other.id.description)
        fields.field(signer.leafSHA256)
        fields.field(other.leafSHA256)
        fields.field(epoch.proofBinding)
        fields.field(leafSHA256)
        fields.field(bigEndian(id))
        fields.field(bigEndian(generation))
        fields.field(addresses.flatMap(\.bytes))
        fields.field(kind.nonce)
        return fields.bytes
    }
}

extension Epoch {
    /// Announces a workload of ours; nil when its key does not sign.
    func announcement(
        _ id: UInt32, of svid: KeyedSVID, at addresses: [IPAddress], nonce: [UInt8]
    ) -> Announce? {
        let statement = ProofStatement(
            kind: .announce(nonce: nonce), leafSHA256: svid.svid.leaf.sha256, id: id, generation: 0,
            addresses: addresses)
        return sign(statement, svid).map {
            Announce(id: id, chain: svid.svid.chain.map(\.der), addresses: addresses, nonce: nonce, signature: $0)
        }
    }

    func addressUpdate(
        _ id: UInt32, _ generation: UInt32, of svid: KeyedSVID, at addresses: [IPAddress]
    ) -> AddressUpdate? {
        let statement = ProofStatement(
            kind: .addresses, leafSHA256: svid.svid.leaf.sha256, id: id, generation: generation, addresses: addresses)
        return sign(statement, svid).map {
            AddressUpdate(id: id, generation: generation, addresses: addresses, signature: $0)
        }
    }

    /// Signed by the new SVID's key.
    func renewal(_ id: UInt32, _ generation: UInt32, of svid: KeyedSVID) -> Renewal? {
        let statement = ProofStatement(
            kind: .renew, leafSHA256: svid.svid.leaf.sha256, id: id, generation: generation, addresses: [])
        return sign(statement, svid).map {
            Renewal(id: id, generation: generation, chain: svid.svid.chain.map(\.der), signature: $0)
        }
    }

    private func sign(_ statement: ProofStatement, _ svid: KeyedSVID) -> [UInt8]? {
        try? svid.key.sign(statement.encoded(self, signer: parties.role))
    }

    /// Whether the peer's signature under a statement is that of this SVID.
    func holds(_ statement: ProofStatement, _ signature: [UInt8], of svid: X509SVID) -> Bool {
        svid.leaf.publicKey.verify(signature, of: statement.encoded(self, signer: parties.peerRole))
    }
}
