import AdminAPI
import FoundationEssentials
import GRPCCore
import RandomTestSupport
import SwiftProtobuf
import Testing

@testable import PodshieldDaemon

/// Requests that no tool of ours would send, to every method over the real socket: the daemon answers each with a status that
/// it chose, keeps only what makes sense, and goes on.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ArbitraryRequestTests {
    @Test(arguments: 0..<4 as Range<UInt64>)
    func areAnswered(seed: UInt64) async throws {
        var random = SplitMix(seed: seed)
        let requests = (0..<400).map { _ in Self.request(&random) }
        try await withAuthority(port: 17611) { connection, context in
            let client = Podshield_Admin_V1_Admin.Client(wrapping: connection)
            context.reportReady()
            var accepted = 0
            for (method, bytes) in requests {
                if try await Self.send(bytes, to: method, connection) { accepted += 1 }
            }
            #expect((10...390).contains(accepted), "what is good is told from what is not")
            #expect(try await client.status(.init()).ready)
            for entry in try await client.entryList(.init()).entries {
                #expect(entry.spiffeID.hasPrefix("spiffe://example.org/") && !entry.selectors.isEmpty, "\(entry)")
                #expect(entry.selectors.allSatisfy { $0.hasPrefix("k8s:") && $0.allSatisfy(\.isASCII) }, "\(entry)")
            }
        }
    }

    /// Whether it was accepted.
    private static func send(
        _ bytes: [UInt8], to method: MethodDescriptor, _ client: GRPCClient<some ClientTransport>
    ) async throws -> Bool {
        do {
            _ = try await client.unary(
                request: ClientRequest(message: bytes), descriptor: method, serializer: AsItIs(),
                deserializer: AsItIs(),
                options: .defaults
            ) { try $0.message }
            return true
        } catch let error as RPCError {
            // What a handler throws and nobody expected has this code.
            #expect(error.code != .unknown, "\(method): \(error) for \(bytes)")
            return false
        }
    }

    // MARK: Requests

    /// A request that makes sense or nearly does; one of two is changed afterwards.
    private static func request(_ random: inout SplitMix) -> (MethodDescriptor, [UInt8]) {
        typealias Method = Podshield_Admin_V1_Admin.Method
        let whole: (MethodDescriptor, any SwiftProtobuf.Message) =
            switch Int.random(in: 0..<13, using: &random) {
            case 0...2: (Method.EntryCreate.descriptor, entryCreate(&random))
            case 3: (Method.TokenGenerate.descriptor, tokenGenerate(&random))
            case 4: (Method.PodAdd.descriptor, podAdd(&random))
            case 5:
                (Method.EntryDelete.descriptor, Podshield_Admin_V1_EntryDeleteRequest.with { $0.id = text(&random) })
            case 6:
                (Method.EntryList.descriptor, Podshield_Admin_V1_EntryListRequest.with { $0.parentID = text(&random) })
            case 7: (Method.MintJWT.descriptor, mintJWT(&random))
            case 8: (Method.MintX509.descriptor, mintX509(&random))
            case 9: (Method.Revoke.descriptor, revoke(&random))
            case 10: (Method.FederationCreate.descriptor, federationCreate(&random))
            case 11: (Method.BundleSet.descriptor, bundleSet(&random))
            default: (unaryMethods.randomElement(using: &random)!, entryCreate(&random))
            }
        let bytes: [UInt8] = (try? whole.1.serializedBytes()) ?? []
        return (whole.0, Bool.random(using: &random) ? bytes : changed(bytes, &random))
    }

    /// All but the one that may stream for ever.
    private static let unaryMethods = Podshield_Admin_V1_Admin.Method.descriptors.filter { $0.method != "Observe" }

    private static func entryCreate(_ random: inout SplitMix) -> Podshield_Admin_V1_EntryCreateRequest {
        var entry = Podshield_Admin_V1_Entry()
        entry.spiffeID = "spiffe://example.org/ns/shop/sa/w\(UInt16.random(in: 0 ... .max, using: &random))"
        entry.selectors = ["k8s:ns:shop"]
        switch Int.random(in: 0..<7, using: &random) {
        case 0: entry.spiffeID = text(&random)
        case 1: entry.parentID = text(&random)
        case 2: entry.selectors = (0..<3).map { _ in text(&random) }
        case 3: entry.labels = [text(&random): text(&random)]
        case 4: entry.svidTtl = number(&random)
        case 5: entry.dnsNames = [text(&random)]
        default: break
        }
        return .with { $0.entry = entry }
    }

    private static func tokenGenerate(_ random: inout SplitMix) -> Podshield_Admin_V1_TokenGenerateRequest {
        .with {
            $0.node = text(&random)
            $0.ttl = number(&random)
        }
    }

    private static func mintJWT(_ random: inout SplitMix) -> Podshield_Admin_V1_MintJWTRequest {
        .with {
            $0.spiffeID = text(&random)
            $0.audience = [text(&random), text(&random)]
            $0.ttl = number(&random)
        }
    }

    private static func mintX509(_ random: inout SplitMix) -> Podshield_Admin_V1_MintX509Request {
        .with {
            $0.spiffeID = Bool.random(using: &random) ? "spiffe://example.org/w" : text(&random)
            $0.dnsNames = [text(&random)]
            $0.ttl = number(&random)
        }
    }

    private static func revoke(_ random: inout SplitMix) -> Podshield_Admin_V1_RevokeRequest {
        .with {
            switch Int.random(in: 0..<5, using: &random) {
            case 0: $0.subject.spiffeID = "spiffe://example.org/ns/shop/sa/w\(Int.random(in: 0..<256, using: &random))"
            case 1: $0.subject.spiffeID = text(&random)
            case 2: $0.subject.serial = text(&random)
            case 3: $0.subject.entry = text(&random)
            default: $0.subject.node = text(&random)
            }
            $0.reason = ["", "superseded", text(&random)].randomElement(using: &random)!
            $0.dryRun = Bool.random(using: &random)
        }
    }

    /// Where nobody listens.
    private static func federationCreate(_ random: inout SplitMix) -> Podshield_Admin_V1_FederationCreateRequest {
        .with {
            $0.relationship.trustDomain = ["partner.example", text(&random)].randomElement(using: &random)!
            $0.relationship.url = ["https://127.0.0.1:9/", text(&random)].randomElement(using: &random)!
            $0.relationship.profile = ["https_web", "https_spiffe", text(&random)].randomElement(using: &random)!
            $0.relationship.endpointSpiffeID = ["", text(&random)].randomElement(using: &random)!
            $0.bundle = bundleSet(&random).bundle
        }
    }

    private static func bundleSet(_ random: inout SplitMix) -> Podshield_Admin_V1_BundleSetRequest {
        .with {
            $0.trustDomain = ["partner.example", text(&random)].randomElement(using: &random)!
            $0.bundle.text = Data((["{\"keys\":[]}", text(&random)].randomElement(using: &random)!).utf8)
            $0.bundle.format = Bool.random(using: &random) ? .spiffe : .pem
        }
    }

    private static func podAdd(_ random: inout SplitMix) -> Podshield_Admin_V1_PodAddRequest {
        .with {
            $0.facts.name = text(&random)
            $0.facts.netns = text(&random)
        }
    }

    private static func text(_ random: inout SplitMix) -> String {
        [
            "", "node-a", "spiffe://example.org/podshield/node/a", "spiffe://example.org/../x", "spiffe://other.org/x",
            "k8s:ns:shop", "k8s:pod-label:app:web", "k8s:sa:", "/run/netns/x", "/run/netns/../../etc/passwd",
            "\u{1b}[2J",
            "a\0b", "a\nb", "e\u{301}", "\u{202e}", "'; DROP TABLE entries; --", "%s%n", "*.example.org",
            "web.example.org",
            String(repeating: "a", count: 5000),
        ].randomElement(using: &random)!
    }

    private static func number(_ random: inout SplitMix) -> Int64 {
        [.min, -1, 0, 1, 60, 3600, 1 << 31, 1 << 40, .max].randomElement(using: &random)!
    }

    private static func changed(_ bytes: [UInt8], _ random: inout SplitMix) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
            let place = bytes.indices.randomElement(using: &random)!
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes.removeSubrange(place...)
            case 2: bytes += bytes[place...]
            default: bytes[place] = .random(in: 0 ... .max, using: &random)
            }
        }
        return bytes
    }
}

private struct AsItIs: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes { Bytes(message) }

    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> [UInt8] {
        unsafe bytes.withUnsafeBytes { unsafe Array($0) }
    }
}
