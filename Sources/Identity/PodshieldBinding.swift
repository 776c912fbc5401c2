/// What the authority certifies beyond the SPIFFE ID: the node a workload's SVID was issued to, and the workload's
/// numeric identity. Carried in a private, non-critical extension of the leaf, so that other verifiers pass over it:
///
///     PodshieldBinding ::= SEQUENCE { node UTF8String, identity INTEGER (256..4294967295) }
public struct PodshieldBinding: Sendable, Equatable {
    public let node: SPIFFEID
    public let identity: NumericIdentity

    /// The extension's object identifier, under the arc for UUIDs (ITU-T X.667), which needs no registration. The UUID is
    /// 328c956a-3e45-4c19-9f97-23c570f8af66.
    public static let oid = "2.25.67191351845928685987095378670399303526"

    /// `node` must be a node's ID and `identity` a workload's number.
    public init(node: SPIFFEID, identity: NumericIdentity) throws(PodshieldBindingError) {
        guard case .node = node.kind else { throw .notANode(node) }
        guard identity.isWorkload else { throw .notAWorkload(identity) }
        self.node = node
        self.identity = identity
    }

    /// Decodes the extension's value: exactly the DER that `derEncoded` gives.
    public init(der: [UInt8]) throws(PodshieldBindingError) {
        let text: String
        let number: UInt32
        do throws(DERError) {
            var fields = DERReader(try DERReader.only(.sequence, in: der))
            text = try fields.readUTF8()
            number = try fields.readUInt32()
            try fields.finish()
        } catch {
            throw .notDER
        }
        guard let node = try? SPIFFEID(text) else { throw .badNodeID }
        try self.init(node: node, identity: NumericIdentity(rawValue: number))
    }

    public var derEncoded: [UInt8] { DER.sequence(DER.utf8(node.description), DER.integer(identity.rawValue)) }
}

public enum PodshieldBindingError: Error, Equatable, Sendable {
    case notDER
    case badNodeID
    case notANode(SPIFFEID)
    case notAWorkload(NumericIdentity)
}
