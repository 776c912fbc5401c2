import Addressing
import Authority
import AuthorityAPI
import Foundation
import GRPCCore
import Identity
import Issuance
import JOSE
import KernelTestSupport
import OpenSSLBinding
import Testing

@testable import NodeIdentity

@Suite(.timeLimit(.minutes(1))) struct DirectoryTests {
    @Test func whatNodesReportReachesAll() async throws {
        let authority = try await TestAuthority()
        let a = try await TestNode.joined("node-a", to: authority)
        let b = try await TestNode.joined("node-b", to: authority, address: "192.0.2.2")
        let prefix = try #require(IPPrefix("10.0.0.7"))
        let report = try await a.service.setLeases([prefix])
        #expect(report.refused.isEmpty)
        try await eventually("the lease at the other node") {
            await b.service.currentDirectory?.holder(of: prefix.address) == NodeNumber(rawValue: 1)
        }
        #expect(await b.service.currentDirectory?.nodes.map(\.address.description) == ["192.0.2.1", "192.0.2.2"])
        #expect(await b.service.currentDirectory?.revision ?? 0 >= report.revision)
    }

    @Test func addressesThatNoPodCanHaveAreRefusedAndTheRestLeased() async throws {
        let authority = try await TestAuthority()
        let a = try await TestNode.joined("node-a", to: authority)
        _ = try await TestNode.joined("node-b", to: authority, address: "192.0.2.2")
        let good = try #require(IPPrefix("10.0.0.7"))
        let bad = try #require(IPPrefix("192.0.2.2"))
        let report = try await a.service.setLeases([good, bad])
        #expect(report.refused == [bad])
        #expect(try await authority.service.directory().leases.map(\.prefix) == [good])
    }

    @Test func streamsBeginWithTheNewest() async throws {
        let authority = try await TestAuthority()
        let a = try await TestNode.joined("node-a", to: authority)
        try await eventually("a directory") { await a.service.currentDirectory != nil }
        var stream = a.service.directories().makeAsyncIterator()
        #expect(await stream.next()?.revision == (await a.service.currentDirectory?.revision))
        _ = try await TestNode.joined("node-b", to: authority)
        #expect(await stream.next()?.nodes.map(\.id.path).last == "/podshield/node/node-b")
    }

    @Test func anOlderDirectoryIsRefused() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("node-a", to: authority)
        try await eventually("a directory") { await node.service.currentDirectory != nil }
        let held = try #require(await node.service.currentDirectory)
        let signer = try Signer(node.service.bundle, directory: authority.directory.path)
        let older = try signer.sign(revision: held.revision - 1, kind: .authority)
        await #expect(throws: DirectoryRejection.rolledBack(from: held.revision, to: held.revision - 1)) {
            try await node.service.accept(older)
        }
        #expect(await node.service.currentDirectory == held)
        try await node.service.accept(signer.sign(revision: held.revision + 5, kind: .authority))
        #expect(await node.service.currentDirectory?.revision == held.revision + 5)
    }

    /// Before anything is read of it.
    @Test func aDirectoryThatIsTooLargeIsRefused() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("node-a", to: authority)
        try await eventually("a directory") { await node.service.currentDirectory != nil }
        let held = try #require(await node.service.currentDirectory)
        let signer = try Signer(node.service.bundle, directory: authority.directory.path)
        for (excess, rejection) in [
            (0, DirectoryRejection.badSignature), (1, .tooLarge(AuthorityWire.largestDirectory + 1)),
        ] {
            var large = try signer.sign(revision: held.revision + 5, kind: .authority)
            large.directory.append(
                Data(count: AuthorityWire.largestDirectory + excess - large.directory.count))
            let message = large
            await #expect(throws: rejection) { try await node.service.accept(message) }
        }
        #expect(await node.service.currentDirectory == held)
    }

    @Test func rollbackIsRefusedAcrossARestartOfTheNode() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("node-a", to: authority)
        try await eventually("a directory") { await node.service.currentDirectory != nil }
        await node.stop()
        let held = try #require(await node.service.currentDirectory)
        let signer = try Signer(node.service.bundle, directory: authority.directory.path)
        try await authority.stop()
        let again = try TestNode(in: node.directory)
        let older = try signer.sign(revision: held.revision - 1, kind: .authority)
        await #expect(throws: DirectoryRejection.rolledBack(from: held.revision, to: held.revision - 1)) {
            try await again.service.accept(older)
        }
    }

    @Test func onlyAnAuthorityOfThisRootSigns() async throws {
        let authority = try await TestAuthority()
        let stranger = try await TestAuthority()
        let node = try await TestNode.joined("node-a", to: authority)
        try await eventually("a directory") { await node.service.currentDirectory != nil }
        let signer = try Signer(node.service.bundle, directory: authority.directory.path)
        let strange = try Signer(stranger.service.bundle, directory: stranger.directory.path)

        await #expect(throws: DirectoryRejection.signer(.unknownAuthority)) {
            try await node.service.accept(strange.sign(revision: 1000, kind: .authority))
        }
        for kind in [Signer.Kind.node, .workload] {
            await #expect { try await node.service.accept(signer.sign(revision: 1000, kind: kind)) } throws: { error in
                if case .notAnAuthority = error as? DirectoryRejection { true } else { false }
            }
        }
        var changed = try signer.sign(revision: 1000, kind: .authority)
        changed.directory[changed.directory.count - 1] ^= 1
        await #expect(throws: DirectoryRejection.badSignature) { try await node.service.accept(changed) }
        var other = try signer.sign(revision: 1000, kind: .authority)
        other.signature = try signer.sign(revision: 1001, kind: .authority).signature
        await #expect(throws: DirectoryRejection.badSignature) { try await node.service.accept(other) }
    }

    @Test func halfADirectoryIsNone() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("node-a", to: authority)
        let signer = try Signer(node.service.bundle, directory: authority.directory.path)
        let id = try ReservedNames.node("x", in: trustDomain)
        let address = try #require(IPAddress("192.0.2.1"))
        let one = Directory.Node(number: NodeNumber(rawValue: 1), id: id, address: address, linkPort: 1, espPort: 1)
        var zero = one
        zero.number = NodeNumber(rawValue: 0)
        var portless = one
        portless.linkPort = 0
        var workload = one
        workload.id = try SPIFFEID("spiffe://example.org/w")
        var multicast = one
        multicast.address = try #require(IPAddress("224.0.0.1"))
        for nodes in [[one, one], [zero], [portless], [workload], [multicast]] {
            let message = try signer.sign(revision: 1000, kind: .authority, nodes: nodes)
            await #expect(throws: DirectoryRejection.malformed) { try await node.service.accept(message) }
        }
        let reserved = Directory.Workload(number: .host, id: try SPIFFEID("spiffe://example.org/w"), labels: [:])
        let message = try signer.sign(revision: 1000, kind: .authority, workloads: [reserved])
        await #expect(throws: DirectoryRejection.malformed) { try await node.service.accept(message) }
    }
}

/// Signs directories as their authority would, or should not.
struct Signer {
    enum Kind { case authority, node, workload }

    private let authority: CertificateAuthority
    private let now = Int64(Date().timeIntervalSince1970)

    init(_ bundle: TrustBundle, directory: String) throws {
        let pem = Array(try Data(contentsOf: URL(filePath: directory + "/authority/ca.key")))
        authority = try CertificateAuthority(
            trustDomain: trustDomain, certificate: bundle.authorities[0], key: PrivateKey(pem: SecretBytes(pem)))
    }

    /// A workload is bound to `node`, where one is given.
    func svid(_ kind: Kind, on node: String? = nil) throws -> KeyedSVID {
        let key = try PrivateKey.generate()
        let request = try ProvenRequest(csrDER: SigningRequest.make(key: key))
        let plan: IssuancePlan =
            switch kind {
            case .authority: try .authority("main", in: trustDomain)
            case .node: try .node("node-a", in: trustDomain)
            case .workload: try .workload(id: SPIFFEID("spiffe://example.org/w"), binding: node.map(binding))
            }
        return try KeyedSVID(svid: authority.sign(request, plan: plan, now: now), key: key)
    }

    private func binding(to node: String) throws -> PodshieldBinding {
        try PodshieldBinding(node: ReservedNames.node(node, in: trustDomain), identity: .firstWorkload)
    }

    func sign(
        revision: UInt64, kind: Kind, nodes: [Directory.Node] = [], workloads: [Directory.Workload] = [],
        jwtBundle: JWTBundle? = nil
    ) throws -> Podshield_Authority_V1_SignedDirectory {
        let directory = Directory(
            trustDomain: trustDomain, revision: revision, nodes: nodes, leases: [], workloads: workloads)
        let edition = DirectoryEdition(
            directory: directory, bundle: authority.bundle, jwtBundle: jwtBundle ?? .empty(trustDomain))
        return try .sign(edition, with: svid(kind))
    }
}
