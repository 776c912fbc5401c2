import AdminAPI
import FoundationEssentials
import PrintableText

/// `psid issue -o json`. The private key is never in it.
struct IssueDocument: Encodable {
    let spiffeID: String
    let serial: String
    let notBefore: Timestamp?
    let notAfter: Timestamp?
    let identity: UInt32
    /// SPIFFE ID of the node that it is good on.
    let node: String
    let pod: String
    let namespace: String
    /// PEM, leaf first, without the root.
    let chain: [String]
    /// PEM, the roots of the trust domain.
    let bundle: [String]
}

extension IssueDocument {
    init(_ response: Podshield_Admin_V1_IssueResponse) {
        spiffeID = response.spiffeID
        serial = response.serial
        notBefore = Timestamp(unix: response.notBefore)
        notAfter = Timestamp(unix: response.notAfter)
        identity = response.identity
        node = response.node
        pod = response.pod.facts.name
        namespace = response.pod.facts.namespace
        chain = response.chain.map { PEM.encode($0, "CERTIFICATE") }
        bundle = response.bundle.map { PEM.encode($0, "CERTIFICATE") }
    }

    var lines: [String] {
        var sheet = Sheet()
        sheet.add("pod", "\(namespace)/\(pod)")
        sheet.add("identity", "\(identity)")
        sheet.add("serial", serial)
        sheet.add("valid from", notBefore?.description)
        sheet.add("until", notAfter?.description)
        sheet.add("good on", node)
        return [spiffeID.printable] + sheet.lines.map { "  \($0)" }
    }
}

/// RFC 7468.
enum PEM {
    static func encode(_ der: Data, _ label: String) -> String {
        let base64 = Array(der.base64EncodedString())
        let lines = stride(from: 0, to: base64.count, by: 64).map { String(base64[$0..<min($0 + 64, base64.count)]) }
        return "-----BEGIN \(label)-----\n\(lines.map { $0 + "\n" }.joined())-----END \(label)-----\n"
    }
}
