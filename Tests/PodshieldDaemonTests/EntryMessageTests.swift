import Addressing
import AdminAPI
import Authority
import AuthorityAPI
import Identity
import KernelTestSupport
import SwiftProtobuf
import Testing

@testable import PodshieldDaemon

/// Entries as psid is told them.
@Suite struct EntryMessageTests {
    /// The registry's limit in bytes is one of what is sent, to psid as to nodes.
    @Test(arguments: [0, 1, 31]) func noMoreIsToldThanIsCounted(_ many: Int) async throws {
        let directory = try TemporaryDirectory()
        let service = try AuthorityService(
            AuthoritySettings(
                trustDomain: TrustDomain("example.org"), name: "main", stateDirectory: directory.path + "/authority",
                listenAddress: try #require(IPAddress("127.0.0.1")), listenPort: 0), now: { 1_800_000_000 },
            observe: { _ in })
        for size in [1, 100, 200] {
            let texts = (0..<many).map { (key: "k\($0)", value: String(repeating: "v", count: size)) }
            _ = try await service.createEntry(
                NewEntry(
                    spiffeID: SPIFFEID("spiffe://example.org/w" + String(repeating: "x", count: 9 * size)),
                    parent: SPIFFEID("spiffe://example.org/podshield/node/node-a"),
                    selectors: [.namespace("shop")] + texts.map { .podLabel(key: $0.key, value: $0.value) },
                    labels: Dictionary(uniqueKeysWithValues: texts),
                    dnsNames: texts.map { "\($0.key).example.org" }.prefix(16).map(\.self),
                    lifetime: .seconds(86_400), jwtLifetime: .seconds(3600), hint: String(repeating: "ü", count: size),
                    isDownstream: true))
        }
        var answer = Podshield_Admin_V1_EntryListResponse()
        answer.entries = try await service.entries().map(Podshield_Admin_V1_Entry.init)
        let counted = try await service.extent().entryBytes
        #expect(try answer.serializedData().count <= counted)
    }
}
