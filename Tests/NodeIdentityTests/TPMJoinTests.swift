import Authority
import AuthorityAPI
import Foundation
import GRPCCore
import Identity
import Issuance
import KernelTestSupport
import OpenSSLBinding
import RateLimiting
import Synchronization
import TPMBinding
import TPMTestSupport
import Testing
import TrustedPlatform

@testable import NodeIdentity

/// Nodes that join by their TPMs, which are swtpm's.
@Suite(.serialized, .timeLimit(.minutes(2)), .blocking) struct TPMJoinTests {
    private let list = TPMList()
    private let tpm: SoftwareTPM
    private let authority: TestAuthority

    init() async throws {
        let list = list
        tpm = try SoftwareTPM()
        authority = try await TestAuthority { $0.tpms = TrustedTPMs(names: list.names) }
        try list.put("node-a", tpm)
    }

    /// - Parameter renewing: by what it renews.
    private func node(
        _ source: any TPMSource, as name: String? = nil, at authority: TestAuthority? = nil,
        renewing tpm: (any TPMSource)? = nil
    ) async throws -> TestNode {
        let authority = authority ?? self.authority
        let node = try TestNode(clock: authority.clock, tpm: tpm)
        try await node.join(
            JoinInvitation(
                .tpm(source), authorityAddress: authority.address,
                rootFingerprints: [authority.service.rootFingerprint], nodeName: name))
        return node
    }

    private func expectRefused(
        _ source: any TPMSource, as name: String? = nil, at other: TestAuthority? = nil, _ reason: JoinRefusal,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        let authority = other ?? self.authority
        let before = authority.refusals.count
        await #expect(throws: JoinError.self, sourceLocation: sourceLocation) {
            _ = try await node(source, as: name, at: authority)
        }
        #expect(authority.refusals.dropFirst(before) == [reason], sourceLocation: sourceLocation)
    }

    @Test func aNodeJoinsAndJoinsAgain() async throws {
        let first = try await node(tpm.device)
        #expect(first.service.currentSVID?.svid.id == (try ReservedNames.node("node-a", in: trustDomain)))
        let record = try #require(try await authority.service.nodes().first)
        #expect(record.attestation == .tpm(key: try tpm.digest()) && record.attestation.method == "tpm")
        await first.stop()
        // It has lost its state, and is the same node.
        let again = try await node(tpm.device, as: "node-a")
        #expect(await again.service.membership?.number == record.number.rawValue)
        #expect(try await authority.service.nodes().count == 1)
    }

    @Test func aBannedNodeStaysOutUntilItIsEvicted() async throws {
        _ = try await node(tpm.device)
        _ = try await authority.service.ban(node: "node-a")
        await expectRefused(tpm.device, .banned("node-a"))
        _ = try await authority.service.evict(node: "node-a")
        #expect(await (try node(tpm.device)).service.membership?.number == 1)
    }

    /// Tries follow one another by the second while no authority is there, and keys take seconds to make.
    @Test func keysAreMadeOnceForAllTries() async throws {
        let counted = CountedTPM(tpm.device)
        let inVain = JoinInvitation(
            .tpm(counted), authorityAddress: "127.0.0.1:1", rootFingerprints: [authority.service.rootFingerprint])
        let node = try TestNode(clock: authority.clock)
        for _ in 0..<3 { await #expect(throws: JoinError.self) { try await node.join(inVain) } }
        var invitation = inVain
        invitation.authorityAddress = authority.address
        try await node.join(invitation)
        #expect(counted.openings.withLock { $0 } == 1)
    }

    // MARK: Names

    @Test func anotherTPMIsNotLetIn() async throws {
        let foreign = try SoftwareTPM()
        await expectRefused(foreign.device, as: "node-a", .tpm(.unknownKey(try foreign.digest())))
        await expectRefused(tpm.device, as: "node-b", .otherName(asked: "node-b"))
        #expect(try await authority.service.nodes().isEmpty)
    }

    /// A machine was replaced, and the list says so.
    @Test func theListSaysWhichTPMHasAName() async throws {
        _ = try await node(tpm.device)
        let (other, before) = (try SoftwareTPM(), try tpm.digest())
        try list.put("node-a", other)
        _ = try await node(other.device)
        await expectRefused(tpm.device, .tpm(.unknownKey(before)))
        #expect(try await authority.service.nodes().map(\.number.rawValue) == [1])
    }

    @Test func aNodeThatJoinedByTokenKeepsItsName() async throws {
        _ = try await TestNode.joined("node-a", to: authority)
        await expectRefused(tpm.device, .nameHeld("node-a"))
    }

    @Test func nobodyJoinsByTPMWhereNoneIsConfigured() async throws {
        await expectRefused(tpm.device, at: try await TestAuthority(), .tpm(.notConfigured))
    }

    @Test func aListThatCannotBeHadIsNotTheNodesFault() async throws {
        list.fail()
        let error = await #expect(throws: JoinError.self) { _ = try await node(tpm.device) }
        #expect(error == .call(.unreachable("the authority cannot look at TPMs now")))
        #expect(authority.refusals == [.tpm(.noList("gone"))])
    }

    // MARK: Endorsement certificates

    @Test func aCertifiedTPMHasTheNameOfItsCertificate() async throws {
        let issuer = try EndorsementIssuer()
        let certified = try SoftwareTPM(certificate: ("node-c", issuer))
        let issuers = try TPMIssuers(Certificate.parsePEMChain(issuer.certificates()))
        let authority = try await TestAuthority { $0.tpms = TrustedTPMs(issuers: issuers) }
        let joined = try await node(certified.device, at: authority)
        #expect(await joined.service.membership?.name == "node-c")
        // Another machine, which the same issuer has certified under the same name.
        let other = try SoftwareTPM(certificate: ("node-c", issuer))
        await expectRefused(other.device, at: authority, .nameHeld("node-c"))
        _ = try await authority.service.evict(node: "node-c")
        _ = try await node(other.device, at: authority)
        let foreign = try SoftwareTPM(certificate: ("node-c", EndorsementIssuer()))
        await expectRefused(foreign.device, at: authority, .tpm(.unknownIssuer))
        await expectRefused(tpm.device, at: authority, .tpm(.unknownKey(try tpm.digest())))
    }

    /// Where both are there the list has the last word, and its silence leaves it to the certificate.
    @Test func theListOutranksCertificates() async throws {
        let (issuer, list) = (try EndorsementIssuer(), list)
        let (certified, twin) = (
            try SoftwareTPM(certificate: ("node-c", issuer)), try SoftwareTPM(certificate: ("node-c", issuer))
        )
        let issuers = try TPMIssuers(Certificate.parsePEMChain(issuer.certificates()))
        let authority = try await TestAuthority { $0.tpms = TrustedTPMs(names: list.names, issuers: issuers) }
        // Of a line's name no certificate speaks, even while nobody has joined under it.
        try list.put("node-c", tpm)
        await expectRefused(certified.device, at: authority, .tpm(.listedName("node-c")))
        // A line's key has the line's name, whatever its certificate says.
        try list.put("node-d", certified)
        #expect(await (try node(certified.device, at: authority)).service.membership?.name == "node-d")
        // Without its line it has its certificate's name, which is why there are denials.
        list.take("node-d")
        list.take("node-c")
        #expect(await (try node(certified.device, at: authority)).service.membership?.name == "node-c")
        try list.deny(certified)
        await expectRefused(certified.device, at: authority, .tpm(.deniedKey(try certified.digest())))
        _ = try await authority.service.evict(node: "node-c")
        #expect(await (try node(twin.device, at: authority)).service.membership?.name == "node-c")
    }

    /// It stops no node that the list names; of the others it is said.
    @Test func aCertificateThatCannotBeRead() async throws {
        try tpm.defineUnreadableCertificate()
        _ = try await node(tpm.device)
        let other = try SoftwareTPM()
        try other.defineUnreadableCertificate()
        let error = await #expect(throws: JoinError.self) { _ = try await node(other.device) }
        guard case .uncertified(.denied(let refusal), let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(refusal.contains(try other.digest()) && reason.operation.contains("certificate"))
    }

    private static let endorsement: [[UInt8]] = [[0x67, 0x81, 0x05, 0x08, 0x01]]

    @Test(arguments: [
        (TPMRejection.expired, MachinePKI.Order(commonName: "node-a", usage: .keyEncipherment, validity: -3600 ... -1)),
        (.notYetValid, .init(commonName: "node-a", usage: .keyEncipherment, validity: 600...3600)),
        (.notForEndorsement, .init(commonName: "node-a", usage: .keyEncipherment, purposes: nil)),
        (
            .notForEndorsement,
            .init(commonName: "node-a", usage: .keyEncipherment, purposes: [ExtensionID.clientAuthentication])
        ),
        (.notForEndorsement, .init(commonName: "node-a", usage: .digitalSignature)),
        (.notForEndorsement, .init(commonName: "node-a", isAuthority: true, usage: [.keyEncipherment, .keyCertSign])),
        (.noName, .init(commonName: nil, dnsNames: ["node-a"], usage: .keyEncipherment)),
        (.badName("../x"), .init(commonName: "../x", usage: .keyEncipherment)),
    ])
    func certificatesThatLetNobodyIn(_ reason: TPMRejection, _ order: MachinePKI.Order) async throws {
        let pki = try MachinePKI()
        let issuers = try TPMIssuers([pki.root])
        let authority = try await TestAuthority { $0.tpms = TrustedTPMs(issuers: issuers) }
        var order = order
        if reason != .notForEndorsement || order.usage != .keyEncipherment { order.purposes = Self.endorsement }
        let certificate = try order.certificate(of: tpm.endorsementKey(), by: pki.key, under: pki.root)
        let shown = AlteredTPM(tpm) { $0.endorsementCertificate = certificate.der }
        await expectRefused(shown, at: authority, .tpm(reason))
    }

    @Test func aCertificateOfAnotherKeyOrNone() async throws {
        let pki = try MachinePKI()
        let issuers = try TPMIssuers([pki.root])
        let authority = try await TestAuthority { $0.tpms = TrustedTPMs(issuers: issuers) }
        let good = MachinePKI.Order(commonName: "node-a", usage: .keyEncipherment, purposes: Self.endorsement)
        let certificate = try good.certificate(of: tpm.endorsementKey(), by: pki.key, under: pki.root)
        let other = AlteredTPM(try SoftwareTPM()) { $0.endorsementCertificate = certificate.der }
        await expectRefused(other, at: authority, .tpm(.otherKey))
        let long = AlteredTPM(tpm) { $0.endorsementCertificate = [UInt8](repeating: 0x30, count: 16385) }
        await expectRefused(long, at: authority, .tpm(.tooMuch))
        let weak = AlteredTPM(tpm) {
            $0.endorsementKey = (try? PrivateKey.generate().publicKey.subjectPublicKeyInfo) ?? []
        }
        await expectRefused(weak, at: authority, .tpm(.unsuitableKey))
        _ = try await node(AlteredTPM(tpm) { $0.endorsementCertificate = certificate.der }, at: authority)
    }

    /// An authority without its root would let nobody in, for a reason that the configuration shows.
    @Test func issuersHaveARoot() throws {
        let pki = try MachinePKI()
        let order = MachinePKI.Order(commonName: "below", isAuthority: true, usage: [.keyCertSign], purposes: nil)
        let below = try order.certificate(of: PrivateKey.generate().publicKey, by: pki.key, under: pki.root)
        #expect(throws: TPMIssuersError.noRoot) { try TPMIssuers([below]) }
        #expect(throws: TPMIssuersError.noRoot) { try TPMIssuers([]) }
        let file = authority.directory.path + "/issuers.pem"
        try Data((try below.pem + pki.root.pem).utf8).write(to: URL(filePath: file))
        _ = try TPMIssuers(contentsOf: file)
        try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: file)
        let error = #expect(throws: TPMIssuersError.self) { try TPMIssuers(contentsOf: file) }
        #expect(error.map { "\($0)".contains("must be 644") } == true)
    }

    /// Workloads' certificates lead there.
    @Test func theOwnRootVouchesForNoTPM() async throws {
        let pem = try String(contentsOfFile: authority.directory.path + "/authority/ca.pem", encoding: .utf8)
        let own = try TPMIssuers(Certificate.parsePEMChain(pem))
        let directory = authority.directory
        try await authority.stop()
        await #expect(throws: AuthorityError.ownRootVouchesForMachines) {
            _ = try await TestAuthority(in: directory) { $0.tpms = TrustedTPMs(issuers: own) }
        }
    }

    // MARK: Keys

    /// It could sign what its TPM never said.
    @Test func anAttestationKeyHasToBeRestricted() async throws {
        let unrestricted = AlteredTPM(tpm) { $0.attestationKey[5] &= ~1 }
        await expectRefused(unrestricted, .tpm(.attestationKey(.attributes(0x0004_0472))))
        let short = AlteredTPM(tpm) { $0.attestationKey.removeLast() }
        await expectRefused(short, .tpm(.attestationKey(.format(.truncated))))
    }

    /// A key that is not as its sender says, or in another TPM, has another name than the TPM knows: it does not say the secret.
    @Test func theKeyHasToBeInTheTPM() async throws {
        let other = try SoftwareTPM()
        let foreign = try other.keys()
        for source in [
            AlteredTPM(tpm) { $0.attestationKey[6] ^= 4 },
            AlteredTPM(tpm) { $0.attestationKey = foreign.attestationKey },
            // Nor does the other TPM, which has the key, but not the endorsement key.
            AlteredTPM(other) { [own = try tpm.keys().endorsementKey] in $0.endorsementKey = own },
        ] {
            let error = await #expect(throws: JoinError.self) { _ = try await node(source) }
            guard case .tpm(let failure)? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(failure.operation == "TPM2_ActivateCredential")
        }
        #expect(try await authority.service.nodes().isEmpty)
    }

    // MARK: Registers

    @Test func registersHaveToBeAsTheyShould() async throws {
        let zero = [UInt8](repeating: 0, count: 32)
        let list = list
        let strict = try await TestAuthority {
            $0.tpms = TrustedTPMs(names: list.names, registers: [7: zero, 14: zero])
        }
        _ = try await node(tpm.device, at: strict)
        try tpm.tool("pcrextend", "14:sha256=" + String(repeating: "01", count: 32))
        await expectRefused(tpm.device, at: strict, .tpm(.changedRegisters))
        // One of others, which are as they should be.
        let evasive = AlteredTPM(
            tpm,
            quoting: { tpm, _, nonce throws(TPMError) in
                try tpm.quote(PlatformRegisters([7])!, nonce: nonce)
            })
        await expectRefused(evasive, at: strict, .tpm(.otherRegisters))
        _ = try await node(tpm.device)
    }

    @Test func quotesThatAreNone() async throws {
        let short = AlteredTPM(
            tpm,
            quoting: { tpm, registers, nonce throws(TPMError) in
                var quote = try tpm.quote(registers, nonce: nonce)
                quote.attestation.removeLast()
                return quote
            })
        await expectRefused(short, .tpm(.quote(.truncated)))
        let stale = AlteredTPM(
            tpm,
            quoting: { tpm, registers, _ throws(TPMError) in
                try tpm.quote(registers, nonce: [UInt8](repeating: 0, count: 32))
            })
        await expectRefused(stale, .tpm(.otherQuote))
        let changed = AlteredTPM(
            tpm,
            quoting: { tpm, registers, nonce throws(TPMError) in
                var quote = try tpm.quote(registers, nonce: nonce)
                quote.attestation[quote.attestation.count - 1] ^= 1
                return quote
            })
        await expectRefused(changed, .tpm(.otherQuote))
    }

    // MARK: Renewal

    private func expectNotRenewed(
        _ node: TestNode, at other: TestAuthority? = nil, _ reason: CallRefusal,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        let authority = other ?? self.authority
        let before = authority.callRefusals.count
        let svid = node.service.currentSVID?.svid
        await #expect(throws: AuthorityCallError.self, sourceLocation: sourceLocation) {
            try await node.service.renewNode()
        }
        // The first call says that the TPM has to answer.
        let told = authority.callRefusals.dropFirst(before).filter { $0 != reason || reason.isTPMNeeded }
        #expect(told.allSatisfy(\.isTPMNeeded) && authority.callRefusals.last == reason, sourceLocation: sourceLocation)
        #expect(node.service.currentSVID?.svid == svid, sourceLocation: sourceLocation)
        #expect(await node.service.status().renewalFailure != nil, sourceLocation: sourceLocation)
    }

    @Test func aNodeRenewsByItsTPM() async throws {
        let node = try await node(tpm.device, renewing: tpm.device)
        let before = try #require(node.service.currentSVID)
        for _ in 0..<2 { try await node.service.renewNode() }
        #expect(node.service.currentSVID?.svid != before.svid)
        #expect(try await authority.service.nodes().map(\.number.rawValue) == [1])
        #expect(authority.refusals.isEmpty && authority.callRefusals.isEmpty)
        // It has started anew, and is told once.
        await node.stop()
        let again = try TestNode(in: node.directory, clock: authority.clock, tpm: tpm.device)
        for _ in 0..<2 { try await again.service.renewNode() }
        #expect(authority.callRefusals == [.tpmNeeded(try ReservedNames.node("node-a", in: trustDomain))])
    }

    /// As somebody who has a copy of its disk.
    @Test func withoutItsTPMItDoesNotRenew() async throws {
        let node = try await node(tpm.device)
        let error = await #expect(throws: AuthorityCallError.self) { try await node.service.renewNode() }
        #expect(error == .tpmNeeded)
        await expectNotRenewed(node, .tpmNeeded(try ReservedNames.node("node-a", in: trustDomain)))
    }

    @Test func byAnotherTPMItDoesNotRenew() async throws {
        let other = try SoftwareTPM()
        let node = try await node(tpm.device, renewing: other.device)
        let digest = try other.digest()
        await expectNotRenewed(node, .join(.tpm(.unknownKey(digest))))
        try list.put("node-b", other)
        await expectNotRenewed(node, .join(.otherName(asked: "node-a")))
        // Also the one that has the name by now: it has to join.
        list.take("node-b")
        try list.put("node-a", other)
        await expectNotRenewed(node, .join(.nameHeld("node-a")))
    }

    /// Who is taken out stays for no longer than his SVID.
    @Test func whatTheListSaysByThenCounts() async throws {
        let node = try await node(tpm.device, renewing: tpm.device)
        let digest = try tpm.digest()
        list.take("node-a")
        await expectNotRenewed(node, .join(.tpm(.unknownKey(digest))))
        try list.deny(tpm)
        await expectNotRenewed(node, .join(.tpm(.deniedKey(digest))))
        try list.put("node-a", tpm)
        try await node.service.renewNode()
        #expect(await node.service.status().renewalFailure == nil)
    }

    @Test func registersThatHaveChangedEndRenewal() async throws {
        let list = list
        let strict = try await TestAuthority {
            $0.tpms = TrustedTPMs(names: list.names, registers: [14: [UInt8](repeating: 0, count: 32)])
        }
        let node = try await node(tpm.device, at: strict, renewing: tpm.device)
        try await node.service.renewNode()
        try tpm.tool("pcrextend", "14:sha256=" + String(repeating: "01", count: 32))
        await expectNotRenewed(node, at: strict, .join(.tpm(.changedRegisters)))
    }

    @Test func aNodeThatJoinedByTokenNeedsNoTPM() async throws {
        let foreign = try SoftwareTPM()
        let node = try TestNode(clock: authority.clock, tpm: foreign.device)
        try await node.join(authority.invitation(node: "node-b"))
        try await node.service.renewNode()
        #expect(authority.callRefusals.isEmpty)
    }

    /// What a node's TPM said on another connection, be it the node's own.
    @Test func anAnswerOfAnotherConnectionRenewsNothing() async throws {
        let node = try await node(tpm.device)
        let stranger = try await Stranger(to: authority)
        let answered = try await stranger.answered(by: tpm)
        var message = Podshield_Authority_V1_RenewNodeRequest()
        (message.request, message.tpm) = (answered.request, answered.tpm)
        let relayed = message
        await #expect(throws: AuthorityCallError.self) {
            try await node.service.caller.call { calls, options in try await calls.renewNode(relayed, options: options)
            }
        }
        #expect(authority.callRefusals == [.join(.tpm(.otherChallenge))])
        #expect(try await stranger.join(answered).nodeNumber == 1)
    }

    /// The answer is of this connection, and good for renewing alone.
    @Test func nobodyJoinsOnAConnectionWithAnSVID() async throws {
        let node = try await node(tpm.device)
        let witness = try await TPMWitness(tpm.device, TPMCalls())
        let request = try SigningRequest.make(key: .generate())
        await #expect(throws: AuthorityCallError.self) {
            try await node.service.caller.callOverConnection { connection, options in
                var message = Podshield_Authority_V1_JoinRequest()
                message.request = Data(request)
                message.tpm = try await witness.answer(for: request, over: connection, options)
                return try await connection.calls.join(message, options: options)
            }
        }
        #expect(authority.refusals == [.tpm(.otherChallenge)])
    }

    // MARK: Challenges

    /// Each costs the authority a private operation's worth of work.
    @Test func challengesAreCountedAsJoinsAre() async throws {
        let list = list
        let authority = try await TestAuthority {
            $0.tpms = TrustedTPMs(names: list.names)
            $0.limits.joins = Rate(burst: 2, perSecond: 0.001)
        }
        let stranger = try await Stranger(to: authority)
        var question = Podshield_Authority_V1_ChallengeTPMRequest()
        question.keys = Podshield_Authority_V1_TPMKeys(try tpm.keys())
        for _ in 0..<2 { _ = try await stranger.connection.calls.challengeTPM(question) }
        let asked = question
        let error = await #expect(throws: RPCError.self) { _ = try await stranger.connection.calls.challengeTPM(asked) }
        #expect(error?.code == .resourceExhausted)
        // By another connection as well: it is of the network.
        await expectRefused(tpm.device, at: authority, .tooManyTries)
        #expect(authority.refusals == [.tooManyTries, .tooManyTries])
    }

    /// An answer that was made on another connection, even if the sender says that it is this one.
    @Test func aRelayedAnswerIsWorthless() async throws {
        let (first, second) = (try await Stranger(to: authority), try await Stranger(to: authority))
        let answered = try await first.answered(by: tpm)
        let claim = try first.connection.exporter()
        await #expect(throws: RPCError.self) { _ = try await second.join(answered) }
        await #expect(throws: RPCError.self) { _ = try await second.join(answered, claiming: claim) }
        #expect(authority.refusals == Array(repeating: .tpm(.otherChallenge), count: 2))
        #expect(try await first.join(answered).nodeNumber == 1)
        // Once more from where it was made it lets the same node in, for the same key: nobody else can send it.
        #expect(try await first.join(answered).nodeNumber == 1)
        #expect(try await authority.service.nodes().map(\.name) == ["node-a"])
    }

    /// Somebody between the node and the authority, whose own challenge the node's TPM answers.
    @Test func aQuoteIsOfOneConnection() async throws {
        let (victim, attacker) = (try await Stranger(to: authority), try await Stranger(to: authority))
        let exporter = try victim.connection.exporter()
        let answered = try await attacker.answered(by: tpm, over: exporter)
        await #expect(throws: RPCError.self) { _ = try await attacker.join(answered) }
        #expect(authority.refusals == [.tpm(.otherQuote)])
    }

    @Test func anAnswerIsForOneRequest() async throws {
        let stranger = try await Stranger(to: authority)
        var answered = try await stranger.answered(by: tpm)
        answered.request = Data(try SigningRequest.make(key: .generate()))
        let changed = answered
        await #expect(throws: RPCError.self) { _ = try await stranger.join(changed) }
        #expect(authority.refusals == [.tpm(.otherChallenge)])
    }

    @Test func aSecretThatIsGuessedOrOfAnotherTime() async throws {
        let stranger = try await Stranger(to: authority)
        let answered = try await stranger.answered(by: tpm)
        for change: (inout Podshield_Authority_V1_TPMAnswer) -> Void in [
            { $0.secret = Data(count: 32) }, { $0.secret = Data() }, { $0.endsAt += 3600 },
        ] {
            var other = answered
            change(&other.tpm)
            let changed = other
            await #expect(throws: RPCError.self) { _ = try await stranger.join(changed) }
        }
        #expect(authority.refusals == Array(repeating: .tpm(.otherChallenge), count: 3))
    }

    @Test func anAnswerThatComesTooLate() async throws {
        let stranger = try await Stranger(to: authority)
        let answered = try await stranger.answered(by: tpm)
        authority.clock.advance(seconds: 31)
        await #expect(throws: RPCError.self) { _ = try await stranger.join(answered) }
        #expect(authority.refusals == [.tpm(.late)])
    }
}

extension TestAuthority {
    /// Why it did not answer nodes.
    fileprivate var callRefusals: [CallRefusal] {
        journal.all.compactMap { if case .callRefused(_, let refusal) = $0 { refusal } else { nil } }
    }
}

extension CallRefusal {
    fileprivate var isTPMNeeded: Bool { if case .tpmNeeded = self { true } else { false } }
}

/// What an operator writes down, and can change.
private final class TPMList: Sendable {
    /// Names by line's key, so that a name may be `deny`.
    private let lines = Mutex<[String: String]?>([:])

    func put(_ name: String, _ tpm: SoftwareTPM) throws {
        let digest = try tpm.digest()
        take(name)
        lines.withLock { $0?[digest] = name }
    }

    func deny(_ tpm: SoftwareTPM) throws {
        let digest = try tpm.digest()
        lines.withLock { $0?[digest] = "deny" }
    }

    func take(_ name: String) { lines.withLock { $0 = $0?.filter { $0.value != name } } }

    func fail() { lines.withLock { $0 = nil } }

    var names: @Sendable () throws(TPMListFailure) -> TPMNames {
        { () throws(TPMListFailure) in
            guard let lines = self.lines.withLock({ $0 }) else { throw TPMListFailure("gone") }
            let text = lines.map { "\($0.value) \($0.key)\n" }.joined()
            do throws(TPMNamesError) { return try TPMNames(text) } catch { throw TPMListFailure("\(error)") }
        }
    }
}

extension SoftwareTPM {
    fileprivate var device: TPMDevice { TPMDevice(configuration: configuration) }
    fileprivate func keys() throws -> TPMKeys { try device.open().keys }
    fileprivate func endorsementKey() throws -> PublicKey { try PublicKey(subjectPublicKeyInfo: keys().endorsementKey) }
    fileprivate func digest() throws -> String {
        SHA256Digest.hash(try keys().endorsementKey).map { String(format: "%02x", $0) }.joined()
    }
}

private final class CountedTPM: TPMSource {
    let openings = Mutex(0)
    private let device: TPMDevice

    init(_ device: TPMDevice) { self.device = device }

    func open() throws(TPMError) -> any AttestingTPM {
        openings.withLock { $0 += 1 }
        return try device.open()
    }
}

/// A TPM whose owner changes what it says.
private struct AlteredTPM: TPMSource {
    typealias Quoting = @Sendable (any AttestingTPM, PlatformRegisters, [UInt8]) throws(TPMError) -> SignedQuote

    let software: SoftwareTPM
    let change: @Sendable (inout TPMKeys) -> Void
    let quoting: Quoting

    /// One that shows other keys.
    init(_ software: SoftwareTPM, showing change: @escaping @Sendable (inout TPMKeys) -> Void) {
        self.software = software
        self.change = change
        quoting = { tpm, registers, nonce throws(TPMError) in try tpm.quote(registers, nonce: nonce) }
    }

    /// One that says something else of its registers.
    init(_ software: SoftwareTPM, quoting: @escaping Quoting) {
        self.software = software
        change = { _ in }
        self.quoting = quoting
    }

    func open() throws(TPMError) -> any AttestingTPM {
        let tpm = try software.device.open()
        var keys = tpm.keys
        change(&keys)
        return Opened(keys: keys, tpm: tpm, quoting: quoting)
    }

    private struct Opened: AttestingTPM {
        let keys: TPMKeys
        var certificateFailure: TPMError? { tpm.certificateFailure }
        let tpm: any AttestingTPM
        let quoting: Quoting

        func activate(credential: [UInt8], secret: [UInt8]) throws(TPMError) -> SecretBytes {
            try tpm.activate(credential: credential, secret: secret)
        }

        func quote(_ registers: PlatformRegisters, nonce: [UInt8]) throws(TPMError) -> SignedQuote {
            try quoting(tpm, registers, nonce)
        }
    }
}

extension Stranger {
    /// A request with the TPM's answer to a challenge of this connection, quoted over its exporter or another.
    fileprivate func answered(
        by software: SoftwareTPM, over exporter: [UInt8]? = nil
    ) async throws -> Podshield_Authority_V1_JoinRequest {
        var request = try request()
        let tpm = try software.device.open()
        var question = Podshield_Authority_V1_ChallengeTPMRequest()
        question.keys = Podshield_Authority_V1_TPMKeys(tpm.keys)
        question.request = request.request
        let challenge = try await connection.calls.challengeTPM(question)
        let secret = try tpm.activate(credential: Array(challenge.credential), secret: Array(challenge.secret))
        let nonce = TPMProof.nonce(
            exporter: try exporter ?? connection.exporter(), request: Array(request.request), secret: secret)
        request.tpm = Podshield_Authority_V1_TPMAnswer(
            tpm.keys, secret: secret, endsAt: challenge.endsAt,
            quote: try tpm.quote(PlatformRegisters([0])!, nonce: nonce))
        return request
    }
}
