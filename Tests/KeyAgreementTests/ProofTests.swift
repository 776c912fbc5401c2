import Addressing
import Identity
import LinkTestSupport
import OpenSSLBinding
import Testing

@testable import KeyAgreement

/// Node a announces to node b; what b believes, and for each reason what it does not.
@Suite struct ProofTests {
    private let network: Simulation
    private let a: SimulatedNode
    private let b: SimulatedNode
    private let epoch: Epoch
    private let nonce = [UInt8](repeating: 5, count: 32)
    private let addresses: [IPAddress] = ["10.0.1.1", "10.0.1.2"]

    init() throws {
        (network, a, b) = try Simulation.pair()
        network.settle()
        epoch = try #require(a.peers[b.number]?.link?.epoch)
    }

    /// The receiver's eyes, on this connection unless another is given.
    private func verifier(_ epoch: Epoch? = nil, at time: Int64 = TestDomain.now) throws -> ProofVerifier {
        let own = try #require(b.peers[a.number]?.link?.epoch)
        return ProofVerifier(
            epoch ?? own, peer: a.number, world: b.world, directory: try #require(b.world.directory), now: time)
    }

    private func workload(
        _ number: UInt32? = 300, account: String = "web", on node: SPIFFEID? = nil, key: KeyAlgorithm = .ecP256
    ) throws -> KeyedSVID {
        try network.domain.workload(account, number: number, on: node ?? a.id, key: key)
    }

    private func announce(_ svid: KeyedSVID? = nil, at addresses: [IPAddress]? = nil, id: UInt32 = 1) throws -> Announce
    {
        try #require(
            epoch.announcement(id, of: svid ?? workload(), at: addresses ?? self.addresses, nonce: nonce))
    }

    private func refusal(_ announce: Announce, at time: Int64 = TestDomain.now) throws -> RefusalReason? {
        let verifier = try verifier(at: time)
        do throws(ProofRefusal) {
            _ = try verifier.verify(announce)
            return nil
        } catch {
            return error.reason
        }
    }

    // MARK: Believed

    @Test(arguments: KeyAlgorithm.allCases)
    func aProofHolds(_ key: KeyAlgorithm) throws {
        let svid = try workload(key: key)
        let proven = try verifier().verify(announce(svid))
        #expect(proven.identity == web && proven.svid.id == svid.svid.id && proven.addresses == addresses)
    }

    @Test func numberAndNodeComeFromTheCertificate() throws {
        let (identity, other) = (try workload(4242), try workload(300, on: b.id))
        #expect(try verifier().verify(announce(identity)).identity.rawValue == 4242)
        #expect(try refusal(announce(other)) == .boundToOtherNode)
    }

    // MARK: Who

    @Test func certificatesThatAreNone() throws {
        let foreign = try TestDomain("other")
        let stranger = try TestDomain()
        let foreigner = try foreign.workload("web", number: 300, on: foreign.nodeID("a"))
        let impostor = try stranger.workload("web", number: 300, on: a.id)
        #expect(try refusal(announce(foreigner)) == .invalidSVID)
        #expect(try refusal(announce(impostor)) == .invalidSVID)
        var damaged = try announce()
        damaged.chain[0][200] ^= 1
        #expect(try refusal(damaged) == .invalidSVID)
        damaged.chain = []
        #expect(try refusal(damaged) == .invalidSVID)
        #expect(try refusal(announce(), at: TestDomain.now + 3601) == .invalidSVID)
        #expect(try refusal(announce(), at: TestDomain.now - 100) == .notYetValid)
    }

    @Test func infrastructureIsNoWorkload() throws {
        #expect(try refusal(announce(a.svid)) == .notAWorkload)
        #expect(try refusal(announce(network.domain.server())) == .notAWorkload)
    }

    @Test func aBindingIsNeeded() throws {
        #expect(try refusal(announce(workload(nil))) == .bindingMissing)
    }

    @Test func theDirectoryMayNotContradict() throws {
        let (svid, id) = (try workload(), try network.domain.id("/ns/shop/sa/web"))
        network.directory.workloads = [Directory.Workload(number: web, id: id, labels: [:])]
        network.publish()
        #expect(try refusal(announce(svid)) == nil)
        network.directory.workloads = [
            Directory.Workload(number: web, id: try network.domain.id("/ns/shop/sa/db"), labels: [:])
        ]
        network.publish()
        #expect(try refusal(announce(svid)) == .identityMismatch)
    }

    // MARK: The signature

    /// Whatever is changed after signing, and whatever was signed elsewhere.
    @Test func signaturesFitOneStatement() throws {
        let good = try announce()
        let changes: [(inout Announce) -> Void] = [
            { $0.id = 2 }, { $0.addresses.swapAt(0, 1) }, { $0.addresses.removeLast() }, { $0.nonce[0] ^= 1 },
            { $0.signature[$0.signature.count - 1] ^= 1 }, { $0.signature = [] },
        ]
        for change in changes {
            var changed = good
            change(&changed)
            #expect(try refusal(changed) == .badSignature)
        }
        // Another workload's certificate under this one's signature.
        var swapped = good
        swapped.chain = try announce(workload(301, account: "db")).chain
        #expect(try refusal(swapped) == .badSignature)
        #expect(try refusal(good) == nil)
    }

    @Test func replayedOnAnotherConnection() throws {
        let recorded = try announce()
        a.feed(.rekey, b.number)
        network.settle()
        #expect(try refusal(recorded) == .badSignature)
    }

    /// b relays to c what a announced to it.
    @Test func relayedToAnotherNode() throws {
        let c = try network.add("c")
        network.publish()
        network.settle()
        let relay = try #require(c.peers[b.number]?.link?.epoch)
        let verifier = ProofVerifier(
            relay, peer: b.number, world: c.world, directory: try #require(c.world.directory), now: TestDomain.now)
        #expect {
            _ = try verifier.verify(announce())
        } throws: {
            ($0 as? ProofRefusal)?.reason == .boundToOtherNode
        }
    }

    /// A proof sent back to its maker, were it bound to that node: the signer's role differs.
    @Test func reflectedToItsMaker() throws {
        let svid = try workload(300, on: b.id)
        let announce = try #require(epoch.announcement(1, of: svid, at: addresses, nonce: nonce))
        let verifier = ProofVerifier(
            epoch, peer: b.number, world: a.world, directory: try #require(a.world.directory), now: TestDomain.now)
        #expect {
            _ = try verifier.verify(announce)
        } throws: {
            ($0 as? ProofRefusal)?.reason == .badSignature
        }
    }

    @Test func statementsOfOneKindAreNoneOfAnother() throws {
        let svid = try workload()
        let update = try #require(epoch.addressUpdate(1, 1, of: svid, at: addresses))
        let renewal = try #require(epoch.renewal(1, 1, of: svid))
        let verifier = try verifier()
        _ = try verifier.verify(update, of: web, current: svid.svid, known: [])
        _ = try verifier.verify(renewal, of: svid.svid)
        let signatures = [try announce(svid).signature, update.signature, renewal.signature]
        for (index, signature) in signatures.enumerated() {
            if index != 1 {
                var forged = update
                forged.signature = signature
                #expect(throws: ProofRefusal(reason: .badSignature, identity: web)) {
                    _ = try verifier.verify(forged, of: web, current: svid.svid, known: [])
                }
            }
            if index != 2 {
                var forged = renewal
                forged.signature = signature
                #expect(throws: ProofRefusal(reason: .badSignature, identity: web)) {
                    _ = try verifier.verify(forged, of: svid.svid)
                }
            }
        }
        var later = update
        later.generation = 2
        #expect(throws: ProofRefusal(reason: .badSignature, identity: web)) {
            _ = try verifier.verify(later, of: web, current: svid.svid, known: [])
        }
    }

    @Test func renewalsKeepTheIdentity() throws {
        let current = try workload().svid
        let verifier = try verifier()
        for other in [try workload(301), try workload(account: "db")] {
            let renewal = try #require(epoch.renewal(1, 1, of: other))
            #expect {
                _ = try verifier.verify(renewal, of: current)
            } throws: {
                ($0 as? ProofRefusal)?.reason == .identityChanged
            }
        }
        let elsewhere = try #require(epoch.renewal(1, 1, of: workload(on: b.id)))
        #expect {
            _ = try verifier.verify(elsewhere, of: current)
        } throws: {
            ($0 as? ProofRefusal)?.reason == .boundToOtherNode
        }
    }

    // MARK: Where

    private func objection(to addresses: IPAddress...) throws -> RefusalReason? {
        try refusal(announce(at: addresses))
    }

    @Test func addressesAreThereAndOnce() throws {
        #expect(try refusal(announce(at: [])) == .noAddresses)
        #expect(try objection(to: "10.0.1.1", "10.0.1.1") == .addressRepeated)
    }

    /// Not even a lease makes them a pod's.
    @Test(arguments: [
        "0.0.0.0", "0.1.2.3", "127.0.0.1", "169.254.1.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
        "255.255.255.255", "::", "::1", "::10.0.1.1", "fe80::1", "febf::1", "ff02::1", "192.0.2.1", "192.0.2.2",
    ])
    func someAddressesAreNobodys(_ text: String) throws {
        let address = try #require(IPAddress(text))
        network.directory.leases += [
            Directory.Lease("0.0.0.0/0", 1, generation: 9), Directory.Lease("::/0", 1, generation: 9),
        ]
        network.publish()
        #expect(try objection(to: address) == .addressForbidden)
        #expect(try objection(to: "10.9.9.9") == nil && objection(to: "fd00::1") == nil)
    }

    @Test func podsLieInsideProtectedPrefixes() throws {
        network.directory.leases += [
            Directory.Lease("0.0.0.0/0", 1, generation: 9), Directory.Lease("::/0", 1, generation: 9),
        ]
        network.publish()
        b.world.protected = [try #require(IPPrefix("10.0.0.0/8")), try #require(IPPrefix("fd00::/8"))]
        #expect(try objection(to: "10.1.2.3") == nil && objection(to: "fd00::1") == nil)
        #expect(try objection(to: "11.0.0.1") == .addressForbidden && objection(to: "fc00::1") == .addressForbidden)
    }

    @Test func leasesDecide() throws {
        #expect(try objection(to: "10.0.2.1") == .addressNotLeased)
        #expect(try objection(to: "10.0.9.1") == .addressNotLeased)
        network.directory.leases.append(Directory.Lease("10.0.1.1/32", 2, generation: 2))
        network.publish()
        #expect(try objection(to: "10.0.1.1") == .addressNotLeased && objection(to: "10.0.1.2") == nil)
        // Newer, though shorter.
        network.directory.leases.append(Directory.Lease("10.0.0.0/16", 1, generation: 3))
        network.publish()
        #expect(try objection(to: "10.0.1.1") == nil)
        network.directory.leases.append(Directory.Lease("10.0.1.0/24", 2, generation: 3))
        network.publish()
        #expect(try objection(to: "10.0.1.1") == .addressConflict)
    }

    @Test func anAddressHasOneHolder() throws {
        let other = NodeNumber(rawValue: 9)
        b.world.holdings.claim(["10.0.1.1"], for: .init(peer: other, identity: web))
        #expect(try objection(to: "10.0.1.1") == .addressHeldElsewhere)
        b.world.holdings.claim(["10.0.1.1"], for: .init(peer: a.number, identity: db))
        #expect(try objection(to: "10.0.1.1") == .addressConflict)
        b.world.holdings.claim(["10.0.1.1"], for: .init(peer: a.number, identity: web))
        #expect(try objection(to: "10.0.1.1") == nil)
        b.host([try b.workload(at: ["10.0.1.2"])])
        #expect(try objection(to: "10.0.1.2") == .addressHeldElsewhere)
    }

    @Test func refusalsNameTheAddressesConcerned() throws {
        let verifier = try verifier()
        let announce = try announce(at: ["10.0.1.1", "10.0.2.1", "224.0.0.1", "10.0.2.2"])
        let expected = ProofRefusal(reason: .addressNotLeased, identity: web, addresses: ["10.0.2.1", "10.0.2.2"])
        #expect(throws: expected) { _ = try verifier.verify(announce) }
    }
}
