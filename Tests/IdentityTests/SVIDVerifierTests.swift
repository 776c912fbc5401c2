import Identity
import OpenSSLBinding
import Testing

struct SVIDVerifierTests {
    private let forgery: Forgery
    private let id: SPIFFEID

    init() throws {
        forgery = try Forgery()
        id = try SPIFFEID("spiffe://td/ns/shop/sa/web")
    }

    @Test func soundLeafIsAnSVID() throws {
        let leaf = try forgery.leaf()
        let svid = try forgery.verify([leaf])
        #expect(svid.id == id)
        #expect(svid.chain == [leaf])
        #expect(svid.anchor == forgery.root)
        #expect(svid.binding == nil)
        #expect(svid.notAfter == Forgery.now + 3600)
        #expect(try forgery.verify([leaf, forgery.root]).chain == [leaf])
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let rejection: SVIDRejection
        let change: @Sendable (inout Certificate.Parts) -> Void

        init(
            _ name: String, _ rejection: SVIDRejection, _ change: @escaping @Sendable (inout Certificate.Parts) -> Void
        ) {
            testDescription = name
            self.rejection = rejection
            self.change = change
        }
    }

    private static func uri(_ text: String) -> [[UInt8]] { [Array(text.utf8)] }
    private static let web = uri("spiffe://td/ns/shop/sa/web")

    /// X-8, beside what each case names.
    @Test(arguments: [
        Case("X-1 no name", .uriNames(count: 0)) {
            $0.uris = []
            $0.commonName = "web"
        },
        Case("X-1 two names", .uriNames(count: 2)) { $0.uris = web + web },
        Case("X-1 SPIFFE ID as DNS name only", .uriNames(count: 0)) {
            $0.uris = []
            $0.otherNames = [DER.element(.context2, web[0])]
        },
        Case("X-2 no path", .idWithoutPath(SPIFFEID(try! TrustDomain("td")))) { $0.uris = uri("spiffe://td") },
        Case("X-4 leaf with cA", .leafIsAuthority) {
            $0.constraints = DER.sequence(DER.true)
            $0.usage = KeyUsage([.digitalSignature, .keyCertSign]).derEncoded
            $0.commonName = "web"
        },
        Case("X-5 no key usage", .keyUsageMissing(depth: 0)) { $0.usage = nil },
        Case("X-5 key usage not critical", .keyUsageNotCritical(depth: 0)) { $0.usageIsCritical = false },
        Case("X-5 no digitalSignature", .noDigitalSignature) { $0.usage = KeyUsage([.keyAgreement]).derEncoded },
        Case("X-5 cRLSign", .leafMaySignCertificates) {
            $0.usage = KeyUsage([.digitalSignature, .cRLSign]).derEncoded
            $0.commonName = "web"
        },
        Case("X-6 serverAuth only", .extendedKeyUsageIncomplete) { $0.purposes = [ExtensionID.serverAuthentication] },
        Case("X-6 clientAuth only", .extendedKeyUsageIncomplete) { $0.purposes = [ExtensionID.clientAuthentication] },
        Case("other trust domain", .foreignTrustDomain(try! TrustDomain("other"))) {
            $0.uris = uri("spiffe://other/a")
        },
        Case("expired", .expired(depth: 0)) { $0.notAfter = Forgery.now - 1 },
        Case("not yet valid", .notYetValid(depth: 0)) { $0.notBefore = Forgery.now + 1 },
        Case("duplicate extension", .duplicateExtension(oid: "1.2.3.4")) {
            let twice = CertificateExtension(oid: "1.2.3.4", isCritical: false, value: DER.sequence())
            $0.extra = [twice, twice]
        },
        Case("malformed binding", .malformedBinding(.notDER)) {
            $0.extra = [CertificateExtension(oid: PodshieldBinding.oid, isCritical: false, value: [0x30, 0])]
        },
    ])
    func faultyLeafIsRefused(_ fault: Case) throws {
        let leaf = try forgery.leaf(fault.change)
        #expect(throws: fault.rejection) { try forgery.verify([leaf]) }
    }

    @Test(arguments: [
        ("NUL", "spiffe://td/a\0"), ("NUL in the domain", "spiffe://td\0.evil/a"), ("scheme", "https://td/a"),
        ("upper case scheme", "SPIFFE://td/a"), ("dot segment", "spiffe://td/../a"),
        ("trailing slash", "spiffe://td/a/"),
        ("domain with slash", "spiffe://td/"), ("not ASCII", "spiffe://td/ä"), ("space", "spiffe://td/a "),
        ("empty", ""),
    ])
    func oddNameBytesAreRefused(_ name: String, _ uri: String) throws {
        let leaf = try forgery.leaf { $0.uris = [Array(uri.utf8)] }
        let rejection = #expect(throws: SVIDRejection.self, "\(name)") { try forgery.verify([leaf]) }
        guard case .badID = rejection else {
            Issue.record("\(name): \(String(describing: rejection))")
            return
        }
    }

    /// X-2; OpenSSL's strict mode says the same in its own words.
    @Test func emptySubjectNeedsCriticalNames() throws {
        let leaf = try forgery.leaf { $0.namesAreCritical = false }
        #expect(throws: SVIDRejection.self) { try forgery.verify([leaf]) }
        let named = try forgery.leaf {
            $0.namesAreCritical = false
            $0.commonName = "web"
        }
        #expect(try forgery.verify([named]).id == id)
    }

    /// the extended key usage may be absent, and may say more.
    @Test func extendedKeyUsageIsOptional() throws {
        #expect(try forgery.verify([forgery.leaf { $0.purposes = nil }]).id == id)
        #expect(try forgery.verify([forgery.leaf { $0.purposes?.append([0x2b, 6, 1, 5, 5, 7, 3, 4]) }]).id == id)
    }

    ///
    @Test func unknownCriticalExtensionIsRefused() throws {
        let leaf = try forgery.leaf {
            $0.extra = [CertificateExtension(oid: "1.2.3.4", isCritical: true, value: DER.sequence())]
        }
        #expect(throws: SVIDRejection.self) { try forgery.verify([leaf]) }
    }

    ///
    @Test func validityEdges() throws {
        let leaf = try forgery.leaf { parts in
            parts.notBefore += 100
            parts.notAfter -= 100
        }
        #expect(throws: Never.self) { try forgery.verify([leaf], at: leaf.notBefore) }
        #expect(throws: Never.self) { try forgery.verify([leaf], at: leaf.notAfter - 1) }
        #expect(throws: SVIDRejection.notYetValid(depth: 0)) { try forgery.verify([leaf], at: leaf.notBefore - 1) }
        #expect(throws: SVIDRejection.expired(depth: 0)) { try forgery.verify([leaf], at: leaf.notAfter) }
    }

    /// X-7; W-13: without a bundle nobody is trusted.
    @Test func otherRootIsUnknown() throws {
        let stranger = try Forgery()
        #expect(throws: SVIDRejection.unknownAuthority) { try forgery.verify([stranger.leaf(), stranger.root]) }
        let empty = SVIDVerifier(bundle: .empty(forgery.domain))
        #expect(throws: SVIDRejection.unknownAuthority) { try empty.verify(chain: [forgery.leaf()], at: Forgery.now) }
    }

    /// an authority's certificate authenticates nobody.
    @Test func rootItselfIsNoLeaf() throws {
        #expect(throws: SVIDRejection.self) { try forgery.verify([forgery.root]) }
    }

    /// ID-8
    @Test func tamperedLeafIsRefused() throws {
        var der = try forgery.leaf().der
        der[der.count - 1] ^= 1
        #expect(throws: SVIDRejection.self) {
            try SVIDVerifier(bundle: forgery.bundle).verify(chainDER: [der], at: Forgery.now)
        }
    }

    @Test func validityIsThatOfTheWholePath() throws {
        let middle = try forgery.intermediate(change: { $0.notAfter = Forgery.now + 60 })
        let svid = try forgery.verify([forgery.leaf(under: middle), middle.0])
        #expect(svid.notAfter == Forgery.now + 60)
        #expect(svid.chain.count == 2)
    }

    @Test(arguments: [
        Case("X-4 not cA", .invalidPath(depth: 1, reason: "invalid CA certificate")) {
            $0.constraints = DER.sequence()
        },
        Case("X-3 ID with a path", .authorityWithPath(depth: 1)) { $0.uris = uri("spiffe://td/ca") },
        Case("X-3 other domain", .foreignTrustDomain(try! TrustDomain("other"))) { $0.uris = uri("spiffe://other") },
        Case("X-5 no key usage", .keyUsageMissing(depth: 1)) { $0.usage = nil },
        Case("X-5 key usage not critical", .keyUsageNotCritical(depth: 1)) { $0.usageIsCritical = false },
    ])
    func faultyIntermediateIsRefused(_ fault: Case) throws {
        let middle = try forgery.intermediate(change: fault.change)
        let leaf = try forgery.leaf(under: middle)
        let rejection = #expect(throws: SVIDRejection.self) { try forgery.verify([leaf, middle.0]) }
        // Some of these OpenSSL refuses first, in its own words.
        if case .invalidPath(depth: 1, _) = rejection { return }
        #expect(rejection == fault.rejection)
    }

    ///
    @Test func depthIsLimited() throws {
        var issuer = (forgery.root, forgery.key)
        var above: [Certificate] = []
        for level in 1...(SVIDVerifier.maximumIntermediates + 1) {
            issuer = try forgery.intermediate("level \(level)", under: issuer)
            above.insert(issuer.0, at: 0)
            let leaf = try forgery.leaf(under: issuer)
            let isAccepted = (try? forgery.verify([leaf] + above)) != nil
            #expect(isAccepted == (level <= SVIDVerifier.maximumIntermediates), "\(level)")
        }
    }

    @Test func chainSizeIsLimited() throws {
        let leaf = try forgery.leaf()
        #expect(throws: SVIDRejection.emptyChain) { try forgery.verify([]) }
        #expect(throws: Never.self) { try forgery.verify(Array(repeating: leaf, count: 8)) }
        #expect(throws: SVIDRejection.chainTooLong(certificates: 9)) {
            try forgery.verify(Array(repeating: leaf, count: 9))
        }
        #expect(throws: SVIDRejection.chainTooLarge(bytes: 65537)) {
            try SVIDVerifier(bundle: forgery.bundle).verify(chainDER: [[UInt8](repeating: 0, count: 65537)], at: 0)
        }
    }

    /// Two names whose authorities signed each other, several times over: at every step the path could go on by any of them.
    @Test func authoritiesThatSignedEachOtherLeadNowhere() throws {
        let keys = try [PrivateKey.generate(), PrivateKey.generate()]
        let names = try (0..<2).map { try forgery.intermediate("name \($0)").0 }
        let knot = try (0..<7).map { index in
            try forgery.intermediate("name \(index % 2)", under: (names[1 - index % 2], keys[1 - index % 2])) { parts in
                parts.key = keys[index % 2].publicKey
                parts.notAfter += Int64(index)
            }.0
        }
        let leaf = try forgery.leaf(under: (knot[0], keys[0]))
        let began = ContinuousClock.now
        #expect(throws: SVIDRejection.self) { try forgery.verify([leaf] + knot) }
        #expect(ContinuousClock.now - began < .seconds(5))
        #expect(throws: Never.self) { try forgery.verify([forgery.leaf()] + knot) }
    }

    /// ID-9: what is no certificate, to the byte.
    @Test func trailingBytesAreRefused() throws {
        let verifier = try SVIDVerifier(bundle: forgery.bundle)
        for der in try [forgery.leaf().der + [0], Array(forgery.leaf().der.dropLast()), []] {
            let rejection = #expect(throws: SVIDRejection.self) {
                try verifier.verify(chainDER: [der], at: Forgery.now)
            }
            guard case .unreadableCertificate(depth: 0, _) = rejection else {
                Issue.record("\(String(describing: rejection))")
                return
            }
        }
    }

    @Test func bindingIsReadAndKeptToWorkloads() throws {
        let binding = try PodshieldBinding(
            node: SPIFFEID("spiffe://td/podshield/node/a"), identity: NumericIdentity(rawValue: 4096))
        let carried = CertificateExtension(oid: PodshieldBinding.oid, isCritical: false, value: binding.derEncoded)
        #expect(try forgery.verify([forgery.leaf { $0.extra = [carried] }]).binding == binding)

        let node = try forgery.leaf {
            $0.extra = [carried]
            $0.uris = [Array("spiffe://td/podshield/node/a".utf8)]
        }
        #expect(throws: SVIDRejection.bindingOnInfrastructure(binding.node)) { try forgery.verify([node]) }

        let foreign = try PodshieldBinding(
            node: SPIFFEID("spiffe://other/podshield/node/a"), identity: NumericIdentity(rawValue: 4096))
        let misled = try forgery.leaf {
            $0.extra = [.init(oid: PodshieldBinding.oid, isCritical: false, value: foreign.derEncoded)]
        }
        #expect(throws: SVIDRejection.bindingOfForeignNode(foreign.node)) { try forgery.verify([misled]) }
    }

    @Test func keyMustBeTheLeafs() throws {
        let svid = try forgery.verify([forgery.leaf()])
        #expect(throws: Never.self) { try KeyedSVID(svid: svid, key: forgery.leafKey) }
        #expect(throws: SVIDRejection.keyMismatch) { try KeyedSVID(svid: svid, key: forgery.key) }
    }
}

struct TrustBundleTests {
    /// The standards' own example has the slash: tolerated on import, never made.
    @Test func oneTrailingSlashIsTolerated() throws {
        #expect(throws: Never.self) { try Forgery { $0.uris = [Array("spiffe://td/".utf8)] }.bundle }
        #expect(throws: Never.self) { try Forgery { $0.uris = [] }.bundle }
    }

    @Test func onlyAuthoritiesOfTheDomain() throws {
        #expect(throws: SVIDRejection.foreignTrustDomain(try TrustDomain("other"))) {
            try Forgery { $0.uris = [Array("spiffe://other".utf8)] }.bundle
        }
        #expect(throws: SVIDRejection.authorityWithPath(depth: 0)) {
            try Forgery { $0.uris = [Array("spiffe://td/a".utf8)] }.bundle
        }
        #expect(throws: SVIDRejection.notAnAuthority(depth: 0)) {
            try Forgery { $0.constraints = DER.sequence() }.bundle
        }
        #expect(throws: SVIDRejection.mayNotSignCertificates(depth: 0)) {
            try Forgery { $0.usage = KeyUsage([.cRLSign]).derEncoded }.bundle
        }
        #expect(throws: SVIDRejection.keyUsageNotCritical(depth: 0)) {
            try Forgery { $0.usageIsCritical = false }.bundle
        }
    }
}
