import FoundationEssentials
import Identity
import OpenSSLBinding
import PrintableText
import SwiftProtobuf
import WorkloadProtocol

/// `psid api fetch x509 -o json`, and each line of `psid api watch -o json`. Private keys are never in it.
struct WorkloadSVIDsDocument: Encodable {
    let svids: [SVID]
    /// PEM, the roots of each other trust domain whose peers this process may trust, by its SPIFFE ID; left out for none.
    let federatedBundles: [String: [String]]?

    struct SVID: Encodable {
        let spiffeID: String
        let hint: String?
        let serial: String
        let notBefore: Timestamp?
        let notAfter: Timestamp?
        /// PEM, leaf first, without the root.
        let chain: [String]
        /// PEM, the roots of the trust domain.
        let bundle: [String]
    }
}

extension WorkloadSVIDsDocument {
    init(_ svids: [WorkloadProtocol.X509SVID], federatedBundles: [String: Data]) throws {
        self.svids = try svids.map { try SVID($0) }
        let bundles = try federatedBundles.mapValues { try Self.split($0).map { PEM.encode(Data($0), "CERTIFICATE") } }
        self.federatedBundles = bundles.isEmpty ? nil : bundles
    }

    var lines: [String] {
        let federated = (federatedBundles ?? [:]).keys.sorted()
        return svids.flatMap(\.lines) + federated.map { "federates with \($0)".printable }
    }

    /// Certificates stand one behind another (SPIFFE_Workload_API.md section 5.2.1).
    fileprivate static func split(_ der: Data) throws -> [[UInt8]] {
        var reader = DERReader(Array(der))
        var certificates: [[UInt8]] = []
        while !reader.isAtEnd { certificates.append(try reader.readWhole(.sequence)) }
        return certificates
    }
}

extension WorkloadSVIDsDocument.SVID {
    fileprivate init(_ svid: WorkloadProtocol.X509SVID) throws {
        let certificates = try WorkloadSVIDsDocument.split(svid.x509Svid)
        guard let first = certificates.first else { throw CommandFailure(.failure, "an SVID without a certificate") }
        let leaf = try Certificate(der: first)
        spiffeID = svid.spiffeID
        hint = svid.hint.isEmpty ? nil : svid.hint
        serial = leaf.serialHex
        notBefore = Timestamp(unix: leaf.notBefore)
        notAfter = Timestamp(unix: leaf.notAfter)
        chain = certificates.map { PEM.encode(Data($0), "CERTIFICATE") }
        bundle = try WorkloadSVIDsDocument.split(svid.bundle).map { PEM.encode(Data($0), "CERTIFICATE") }
    }

    fileprivate var lines: [String] {
        var sheet = Sheet()
        sheet.add("hint", hint)
        sheet.add("serial", serial)
        sheet.add("valid from", notBefore?.description)
        sheet.add("until", notAfter?.description)
        return [spiffeID.printable] + sheet.lines.map { "  \($0)" }
    }
}

/// `psid api fetch jwt -o json`.
struct WorkloadTokensDocument: Encodable {
    let tokens: [Token]

    struct Token: Encodable {
        let spiffeID: String
        let hint: String?
        let token: String
    }

    init(_ response: JWTSVIDResponse) {
        tokens = response.svids.map {
            Token(spiffeID: $0.spiffeID, hint: $0.hint.isEmpty ? nil : $0.hint, token: $0.svid)
        }
    }
}

/// `psid api validate jwt -o json`.
struct ValidatedTokenDocument: Encodable {
    let spiffeID: String
    /// As the token has them.
    let claims: [String: Claim]

    init(_ response: ValidateJWTSVIDResponse) throws {
        spiffeID = response.spiffeID
        claims = response.claims.fields.mapValues(Claim.init)
    }

    var lines: [String] {
        get throws {
            var sheet = Sheet()
            for (name, claim) in claims.sorted(by: { $0.key < $1.key }) { sheet.add(name.printable, try claim.text) }
            return [spiffeID.printable] + sheet.lines.map { "  \($0)" }
        }
    }

    struct Claim: Encodable {
        let value: Google_Protobuf_Value

        init(_ value: Google_Protobuf_Value) { self.value = value }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch value.kind {
            case .numberValue(let number): try container.encode(number)
            case .stringValue(let text): try container.encode(text)
            case .boolValue(let flag): try container.encode(flag)
            case .structValue(let fields): try container.encode(fields.fields.mapValues(Self.init))
            case .listValue(let list): try container.encode(list.values.map(Self.init))
            case .nullValue, nil: try container.encodeNil()
            }
        }

        /// As JSON; text without its quotation marks, times without a fraction.
        var text: String {
            get throws {
                switch value.kind {
                case .stringValue(let text): text
                case .numberValue(let number): Int64(exactly: number).map { "\($0)" } ?? "\(number)"
                default: try value.jsonString()
                }
            }
        }
    }
}
