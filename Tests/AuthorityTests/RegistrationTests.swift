import AuthorityAPI
import Identity
import Testing

@testable import Authority

@Suite struct RegistrationTests {
    @Test(arguments: [
        "k8s:ns:shop", "k8s:sa:web", "k8s:pod-name:web-0", "k8s:pod-label:app:web", "k8s:pod-label:a.b/c:v",
        "k8s:pod-label:empty:",
        "k8s:pod-uid:a1b2c3d4-e5f6-7890-abcd-ef1234567890", "k8s:node-name:node-a", "k8s:container-name:web",
        "k8s:container-image:registry.example:5000/shop/web:1", "k8s:container-image:web@sha256:0f", "unix:uid:0",
        "unix:uid:4294967294",
        "unix:user:www-data", "unix:user:EXAMPLE\\web",
        "unix:gid:33", "unix:group:www-data", "unix:supplementary_gid:4", "unix:path:/usr/sbin/nginx",
        "unix:path:/opt/a b:c", "unix:sha256:\(String(repeating: "0f", count: 32))", "systemd:unit:nginx.service",
        "systemd:unit:user@1000.service", "systemd:unit:a\\x2db.scope",
    ])
    func selectorsReadBackAsWritten(text: String) throws {
        #expect(try #require(Selector(text)).description == text)
    }

    @Test(arguments: [
        "", "k8s", "k8s:ns", "k8s:ns:", "k8s:ns:a/b", "k8s:ns:..", "k8s:pod-label:app", "unix:uid:", "unix:uid:00",
        "unix:uid:+1", "unix:uid:-1", "unix:uid:4294967295", "unix:uid:4294967296", "unix:user:", "unix:user:a b",
        "unix:user:a:b", "unix:group:\u{7f}", "unix:path:bin/sh", "unix:path:/a\nb", "unix:sha256:0f",
        "unix:sha256:\(String(repeating: "0F", count: 32))", "unix:euid:1", "systemd:unit:nginx",
        "systemd:unit:nginx.slice", "systemd:unit:a/b.service", "systemd:slice:system.slice",
        "k8s:pod-label::v",
        "k8s:pod-uid:x", "k8s:pod-uid:", "k8s:pod-uid:A1B2C3D4-E5F6-7890-ABCD-EF1234567890", "k8s:node-name:",
        "k8s:node-name:a/b", "k8s:container-name:", "k8s:container-name:a/b", "k8s:container-image:",
        "k8s:container-image:a b",
        "k8s:container-image:\(String(repeating: "a", count: 1025))", "k8s:pod-image:web", "k8s:pod-owner:web",
        "k8s:ns:a\u{0}",
        "k8s:ns:Ünicode",
    ])
    func otherTextIsNoSelector(text: String) { #expect(Selector(text) == nil) }

    @Test func everySelectorMustHold() throws {
        let uid = try #require(PodUID("a1b2c3d4-e5f6-7890-abcd-ef1234567890"))
        let other = try #require(PodUID("0fa1b2c3-4d5e-6f70-8192-a3b4c5d6e7f8"))
        let facts = try pod(labels: ["app": "web", "tier": "front"]).keeping(uid)
        let table: [([Selector], Bool)] = [
            ([.namespace("shop")], true),
            ([.namespace("shop"), .serviceAccount("web")], true),
            ([.namespace("shop"), .serviceAccount("db")], false),
            ([.podName("web-0"), .podLabel(key: "app", value: "web")], true),
            ([.podUID(uid), .nodeName("node-a")], true),
            ([.podUID(other)], false),
            ([.podName("web-0"), .nodeName("node-b")], false),
            ([.podLabel(key: "app", value: "db")], false),
            // A pod's own identity is that of all its containers.
            ([.namespace("shop"), .containerName("web")], false),
            ([.containerImage("web:1")], false),
            ([.podLabel(key: "missing", value: "")], false),
        ]
        for (selectors, expected) in table {
            let entry = try NewEntry(spiffeID: id("/w"), selectors: selectors)
                .checked(in: trustDomain, id: "x", now: start)
            #expect(entry.matches(facts, on: "node-a") == expected, "\(selectors)")
        }
    }

    /// Nobody has said it, or nobody has said another.
    @Test func aUIDThatIsNotKnownIsNoFact() throws {
        let uid = try #require(PodUID("a1b2c3d4-e5f6-7890-abcd-ef1234567890"))
        let (unknown, known) = (try pod(), try pod().keeping(uid))
        #expect(!Selector.podUID(uid).matches(unknown, on: "node-a"))
        #expect(unknown.isPart(of: known) && known.isPart(of: known) && !known.isPart(of: unknown))
        #expect(try !pod(labels: ["app": "web"]).isPart(of: known))
        #expect(known.keeping(PodUID("0fa1b2c3-4d5e-6f70-8192-a3b4c5d6e7f8")) == known)
    }

    /// A node that sends no UID is one of the version before; one that sends no sense is refused.
    @Test func factsAreReadFromTheWireAsTheyWere() throws {
        let known = try pod().keeping(PodUID("a1b2c3d4-e5f6-7890-abcd-ef1234567890"))
        var message = Podshield_Authority_V1_PodFacts(known)
        #expect(try message.parsed() == known)
        message.uid = ""
        #expect(try message.parsed() == pod())
        for uid in ["x", known.uid?.text.uppercased() ?? ""] {
            message.uid = uid
            #expect(throws: PodFactsError.badUID(uid)) { try message.parsed() }
        }
    }

    @Test func entriesThatMayNotBe() throws {
        let foreign = try SPIFFEID("spiffe://elsewhere.org/w")
        let selectors = [Selector.namespace("shop")]
        let table: [NewEntry] = [
            NewEntry(spiffeID: try id("/w"), selectors: []),
            NewEntry(spiffeID: foreign, selectors: selectors),
            NewEntry(spiffeID: try id("/podshield/node/a"), selectors: selectors),
            NewEntry(spiffeID: try id("/podshield/authority/a"), selectors: selectors),
            NewEntry(spiffeID: try id("/podshield/new-kind"), selectors: selectors),
            NewEntry(spiffeID: try id("/podshield"), selectors: selectors),
            NewEntry(spiffeID: SPIFFEID(trustDomain), selectors: selectors),
            NewEntry(spiffeID: try id("/w"), parent: try id("/w"), selectors: selectors),
            NewEntry(spiffeID: try id("/w"), selectors: selectors, isDownstream: true),
            NewEntry(
                spiffeID: try id("/w"), parent: try SPIFFEID("spiffe://elsewhere.org/podshield/node/a"),
                selectors: selectors),
            NewEntry(spiffeID: try id("/w"), selectors: [.namespace("shop"), .namespace("other")]),
            NewEntry(spiffeID: try id("/w"), selectors: selectors, labels: ["a=b": "c"]),
            NewEntry(spiffeID: try id("/w"), selectors: selectors, labels: ["a": "c\nd"]),
            NewEntry(spiffeID: try id("/w"), selectors: selectors, labels: ["é": "c"]),
            NewEntry(
                spiffeID: try id("/w"), selectors: selectors,
                labels: Dictionary(uniqueKeysWithValues: (0..<65).map { ("k\($0)", "v") })),
            NewEntry(spiffeID: try id("/w"), selectors: selectors, labels: ["a": String(repeating: "v", count: 254)]),
            NewEntry(spiffeID: try id("/w"), selectors: selectors, dnsNames: ["*.example.org"]),
            NewEntry(spiffeID: try id("/w"), selectors: selectors, lifetime: .zero),
            NewEntry(spiffeID: try id("/w"), selectors: selectors, jwtLifetime: .zero),
            NewEntry(spiffeID: try id("/w"), selectors: selectors, jwtLifetime: .seconds(86401)),
            NewEntry(spiffeID: try id("/w"), selectors: [.userID(1), .userID(2)]),
            NewEntry(spiffeID: try id("/w"), selectors: selectors, hint: "a\u{1b}[m"),
            NewEntry(spiffeID: try id("/w"), selectors: selectors, hint: String(repeating: "h", count: 1025)),
        ]
        for entry in table {
            #expect(throws: EntryError.self, "\(entry)") {
                try entry.checked(in: trustDomain, id: "x", now: start)
            }
        }
    }

    @Test func aProcessMayNeedSeveralGroups() throws {
        let groups = [Selector.supplementaryGroupID(4), .supplementaryGroupID(27)]
        let entry = try NewEntry(spiffeID: id("/w"), selectors: groups, hint: "internal")
            .checked(in: trustDomain, id: "x", now: start)
        #expect(entry.selectors.count == 2 && entry.hint == "internal")
        #expect(try !entry.matches(pod(), on: "node-a"))
    }

    @Test func labelsHaveOneSpelling() throws {
        let labels = try PolicyLabels(["b": "2", "a": "1"])
        #expect(labels.canonical == "a=1\nb=2\n")
        #expect(PolicyLabels(canonical: "a=1\nb=2\n") == labels)
        #expect(PolicyLabels(canonical: "b=2\na=1\n") == nil)
        #expect(PolicyLabels(canonical: "a=1\na=2\n") == nil)
    }

    @Test(arguments: [
        "", "ns/{namespace}", "/{namespace}/x", "/podshield/{namespace}", "/ns/{namespace}-{service-account}",
        "/ns/{uid}",
        "/ns//{namespace}", "/ns/{namespace}/", "/ns/../{namespace}", "/fixed/name", "/ns/%2e/{namespace}",
    ])
    func templatesThatAreRefused(text: String) {
        #expect(throws: IdentityTemplateError.self) { try IdentityTemplate(text) }
    }

    @Test func templateNamesAPod() throws {
        let template = try IdentityTemplate("/ns/{namespace}/sa/{service-account}/{pod-name}")
        #expect(try template.id(of: pod(), in: trustDomain) == id("/ns/shop/sa/web/web-0"))
        #expect(try IdentityTemplate.standard.id(of: pod(), in: trustDomain) == id("/ns/shop/sa/web"))
    }

    /// What a tenant may call its things must not reach beyond its own place in the tree.
    @Test(arguments: ["..", ".", "a/b", "", "a%2fb", "podshield/node/x", "a b", "a\u{0}", "ä"])
    func namesThatCannotBeFacts(name: String) {
        #expect(throws: PodFactsError.self) { try pod(namespace: name) }
        #expect(throws: PodFactsError.self) { try pod(serviceAccount: name) }
        #expect(throws: PodFactsError.self) { try pod(name: name) }
    }

    /// A refusal is logged and shown to operators: a node's words must not write lines of their own.
    @Test func refusalsQuoteWhatTheyRefuse() throws {
        let words = "x\u{1b}[1A\nnode-b joined"
        let refusals: [(any Error)?] = [
            #expect(throws: PodFactsError.self) { try pod(name: words) },
            #expect(throws: LabelError.self) { try PolicyLabels([words: "v"]) },
            JoinRefusal.badName(words), JoinRefusal.otherName(asked: words),
        ]
        for refusal in try refusals.map({ try #require($0) }) {
            #expect("\(refusal)".utf8.allSatisfy { (0x20...0x7e).contains($0) })
        }
    }

    @Test func mostSpecificEntryDecides() throws {
        let node = try id("/podshield/node/a")
        func entry(_ name: String, _ selectors: [Selector], parent: SPIFFEID?, at: Int64) throws -> RegistrationEntry {
            try NewEntry(spiffeID: id("/\(name)"), parent: parent, selectors: selectors)
                .checked(in: trustDomain, id: name, now: at)
        }
        let wide = try entry("wide", [.namespace("shop")], parent: nil, at: 1)
        let here = try entry("here", [.serviceAccount("web")], parent: node, at: 3)
        let later = try entry("later", [.podName("web-0")], parent: node, at: 4)
        let narrow = try entry("narrow", [.namespace("shop"), .podName("web-0")], parent: nil, at: 9)
        let other = try entry("other", [.namespace("shop"), .podName("db-0")], parent: node, at: 0)
        let facts = try pod()
        #expect(RegistrationEntry.deciding([wide, other], for: facts, on: node)?.id == "wide")
        #expect(RegistrationEntry.deciding([later, wide, here], for: facts, on: node)?.id == "here")
        #expect(RegistrationEntry.deciding([later, wide, narrow, here], for: facts, on: node)?.id == "narrow")
        #expect(RegistrationEntry.deciding([other], for: facts, on: node) == nil)
    }
}
