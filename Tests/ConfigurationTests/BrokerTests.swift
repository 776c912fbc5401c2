import Configuration
import Identity
import Testing

/// Who may act for workloads, and from where.
@Suite struct BrokerTests {
    private static let id = "spiffe://example.org/proxy"

    private func broker(_ yaml: String) throws -> PodshieldConfiguration.Broker? {
        try PodshieldConfiguration(yaml: Documents.standalone + yaml, file: "f").node?.broker
    }

    @Test func withoutBrokersThereIsNoSocket() throws {
        #expect(try broker("") == nil)
        #expect(try broker("broker:\n") == nil)
    }

    @Test func defaults() throws {
        let broker = try #require(try broker(Documents.broker("")))
        #expect(broker.socket == "/run/podshield/broker/broker.sock" && broker.listen == nil)
        #expect(broker.brokers.map(\.id) == [try SPIFFEID(Self.id)] && broker.brokers[0].references == [.pid])
        #expect(broker.brokers[0].tcpReferences.isEmpty)
        #expect(
            try self.broker(Documents.broker("") + "instance: two\n")?.socket == "/run/podshield-two/broker/broker.sock"
        )
        #expect(try self.broker(Documents.broker("") + "paths: {run: /r}\n")?.socket == "/r/broker/broker.sock")
    }

    @Test func everythingSet() throws {
        let broker = try #require(
            try broker(
                """
                broker:
                  socket: /run/brokers/b.sock
                  listen: "[2001:db8::1]:7602"
                  brokers:
                    - {id: "\(Self.id)", references: [pid, kubernetes], tcp-references: [kubernetes]}
                    - id: spiffe://example.org/second
                      references: [kubernetes]
                """))
        #expect(broker.socket == "/run/brokers/b.sock" && broker.listen?.description == "[2001:db8::1]:7602")
        #expect(broker.brokers.map(\.references) == [[.pid, .kubernetes], [.kubernetes]])
        #expect(broker.brokers.map(\.tcpReferences) == [[.kubernetes], []])
    }

    @Test(arguments: [
        BadDocument("broker: {socket: /b}\n", "f: broker.brokers: is missing: who may act for workloads?"),
        BadDocument("broker: {brokers: []}\n", "f:6:19: broker.brokers: is missing: who may act for workloads?"),
        BadDocument("broker: {brokers: a}\n", "f:6:19: broker.brokers: is not a list"),
        BadDocument(
            "broker: {brokers: [a]}\n",
            "f:6:20: broker.brokers: an element is not a mapping of id, references, tcp-references"
        ),
        BadDocument(
            "broker: {brokers: [{}]}\n", "f:6:19: broker.brokers: an element has no id"),
        BadDocument(
            "broker: {brokers: [{id: \"\(id)\", references: [pid], any: 1}]}\n",
            "f:6:74: broker.brokers: an element has the keys id, references, tcp-references alone"),
        BadDocument(
            "broker: {brokers: [{id: proxy}]}\n",
            "f:6:25: broker.brokers: 'proxy' is not the SPIFFE ID of a workload, such as spiffe://example.org/broker"),
        BadDocument(
            "broker: {brokers: [{id: \"spiffe://example.org/podshield/node/a\", references: [pid]}]}\n",
            "f:6:25: broker.brokers: 'spiffe://example.org/podshield/node/a' is not the SPIFFE ID of a workload, such as "
                + "spiffe://example.org/broker"),
        BadDocument(
            "broker: {brokers: [{id: \"spiffe://other.org/a\", references: [pid]}]}\n",
            "f:6:25: broker.brokers: spiffe://other.org/a is of another trust domain than 'example.org'"),
        BadDocument(
            "broker: {brokers: [{id: \"\(id)\"}]}\n",
            "f:6:25: broker.brokers: \(id) has no references: which may it use?"),
        BadDocument(
            "broker: {brokers: [{id: \"\(id)\", references: [\"*\"]}]}\n",
            "f:6:25: broker.brokers: \(id) has no references: which may it use?",
            "f:6:68: broker.brokers: '*' is not pid or kubernetes"),
        BadDocument(
            "broker: {brokers: [{id: \"\(id)\", references: pid}]}\n",
            "f:6:25: broker.brokers: \(id) has no references: which may it use?", "f:6:67: broker.brokers: not a list"),
        BadDocument(
            "broker: {brokers: [{id: \"\(id)\", references: [pid]}, {id: \"\(id)\", references: [pid]}]}\n",
            "f:6:19: broker.brokers: \(id) stands more than once"),
        BadDocument(
            "broker: {brokers: [{id: \"\(id)\", references: [kubernetes], tcp-references: [kubernetes]}]}\n",
            "f:6:25: broker.brokers: kubernetes in tcp-references of \(id) says nothing without broker.listen"),
        BadDocument(
            "broker: {listen: \"192.0.2.11:1\", brokers: [{id: \"\(id)\", references: [pid], tcp-references: [kubernetes]}]}\n",
            "f:6:49: broker.brokers: kubernetes in tcp-references of \(id) is not among its references"),
        BadDocument(
            "broker: {listen: \"192.0.2.11:1\", brokers: [{id: \"\(id)\", references: [pid], tcp-references: [pid]}]}\n",
            "f:6:49: broker.brokers: pid in tcp-references of \(id) cannot be had: numbers of processes count by the socket alone"
        ),
        BadDocument(
            "broker: {listen: \"127.0.0.1:1\", brokers: [{id: \"\(id)\", references: [pid], tcp-references: [pid]}]}\n",
            "f:6:48: broker.brokers: pid in tcp-references of \(id) cannot be had: numbers of processes count by the socket alone"
        ),
        BadDocument(
            Documents.broker("listen: \"host:1\", "),
            "f:6:18: broker.listen: 'host:1' is not address:port, an IPv6 address in brackets"),
        BadDocument(
            Documents.broker("listen: \"10.42.0.1:1\", "),
            "f:6:18: broker.listen: 10.42.0.1 lies inside 10.42.0.0/16, which is protected"),
        BadDocument(
            Documents.broker("socket: b, "), "f:6:18: broker.socket: 'b' is not an absolute path"),
        BadDocument(
            Documents.broker("socket: /run/podshield/agent/b.sock, "),
            "f:6:18: broker.socket: lies in /run/podshield/agent/, the directory of the Workload API's socket"),
        BadDocument(
            Documents.broker("socket: /run/podshield//agent/b.sock, "),
            "f:6:18: broker.socket: has a part that is empty, '.' or '..'"),
        BadDocument(
            Documents.broker("socket: /run/podshield/broker/../agent/b.sock, "),
            "f:6:18: broker.socket: has a part that is empty, '.' or '..'"),
        BadDocument(
            Documents.broker("socket: /run/./podshield/admin.sock, "),
            "f:6:18: broker.socket: has a part that is empty, '.' or '..'"),
        BadDocument(
            Documents.broker("socket: /run/podshield/admin.sock, "),
            "f:6:18: broker.socket: is taken by the daemon itself"),
        BadDocument(
            Documents.broker("socket: /\(String(repeating: "b", count: 107)), "),
            "f:6:18: broker.socket: a socket's path has at most 107 bytes"),
    ])
    func whatIsWrongIsSaid(_ document: BadDocument) {
        BadDocument(Documents.standalone + document.yaml, with: document.problems).check()
    }

    @Test(arguments: [
        ("socket: /b, ", "pid", ConfigurationKey.brokerSocket), ("listen: 192.0.2.11:1, ", "pid", .brokerListen),
        ("", "pid, kubernetes", .brokerBrokers),
    ])
    func everyKeyCounts(keys: String, references: String, key: ConfigurationKey) throws {
        let yaml = Documents.standalone
        let before = try PodshieldConfiguration(yaml: yaml + Documents.broker(""), file: "f")
        let after = try PodshieldConfiguration(yaml: yaml + Documents.broker(keys, references: references), file: "f")
        #expect(before.changes(to: after) == [key] && before.changes(to: before) == [])
    }

    @Test func anAuthorityHasNone() {
        BadDocument(
            Documents.authority + Documents.broker(""), "f:5:19: broker.brokers: says nothing to role authority"
        ).check()
    }

    @Test func whoTheyAreMayBeShown() {
        let text = PodshieldConfiguration.redacted(yaml: Documents.broker(""))
        #expect(text.contains(Self.id) && text.contains("pid"))
        let secret = PodshieldConfiguration.redacted(yaml: "broker: {brokers: [{id: s3cr3t}, {references: [s3cr3t]}]}")
        #expect(!secret.contains("s3cr3t"))
    }
}
