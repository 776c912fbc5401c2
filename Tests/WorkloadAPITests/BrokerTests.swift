import AuthorityAPI
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import Identity
import Issuance
import JOSE
import KernelTestSupport
import LinkTestSupport
import LinuxBinding
import NIOCore
import NIOPosix
import OpenSSLBinding
import SecureTransport
import SwiftProtobuf
import Synchronization
import Testing
import WorkloadProtocol

@testable import WorkloadAPI

/// The Broker API over real sockets, asked by a client with another TLS than ours.
@Suite(.serialized, .timeLimit(.minutes(5))) struct BrokerTests {
    private static let uid = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
    private static let otherUID = "0fa1b2c3-4d5e-6f70-8192-a3b4c5d6e7f8"

    // MARK: The endpoint

    /// BR-1: on every call, and only in this spelling.
    @Test(
        arguments: [
            [], ["broker.spiffe.io": "True"], ["broker.spiffe.io": "1"], ["workload.spiffe.io": "true"],
        ] as [Metadata])
    func br1ACallWithoutTheHeaderIsInvalid(metadata: Metadata) async throws {
        try await TestBrokers.run { brokers in
            try brokers.addPod("web")
            let reference = try Reference.pod("web-0")
            try await brokers.withBroker { client in
                for call in client.calls(reference, metadata) { #expect(await status(of: call) == .invalidArgument) }
            }
            let reflection = await status {
                try await brokers.withConnection(of: brokers.broker) { connection in
                    try await Grpc_Reflection_V1_ServerReflection.Client(wrapping: connection)
                        .serverReflectionInfo(metadata: metadata) {
                            try await $0.write(.init())
                        } onResponse: { response in
                            for try await _ in response.messages {}
                        }
                }
            }
            #expect(reflection == .invalidArgument)
            #expect(brokers.events.served.isEmpty)
        }
    }

    /// BR-1: both sides by X.509-SVID; who shows none, or none that holds, makes no call, and it is told why.
    @Test(arguments: [false, true]) func br1WhoProvesNothingIsRefused(byTCP: Bool) async throws {
        try await TestBrokers.run { brokers in
            try brokers.addPod("web")
            let foreign = try TestDomain("example.org")
            let otherDomain = try TestDomain("other.org")
            let expired = try brokers.identities.domain.workload("broker", endingIn: 1)
            brokers.identities.followClock()
            try await Task.sleep(for: .seconds(2))
            let strangers: [(KeyedSVID?, String)] = [
                (nil, "the handshake failed"),
                (try foreign.workload("broker", number: 300, on: foreign.nodeID("a")), "no SVID of ours"),
                (try otherDomain.workload("broker", number: 300, on: otherDomain.nodeID("a")), "no SVID of ours"),
                (expired, "no SVID of ours"),
            ]
            for (index, (svid, reason)) in strangers.enumerated() {
                #expect(await brokers.refusal(of: svid, byTCP: byTCP) == .unavailable)
                #expect(await eventually { brokers.events.refusals.count > index })
                #expect(brokers.events.refusals.last?.contains(reason) == true, "\(brokers.events.refusals)")
            }
            #expect(brokers.server.connections.count == 0)
        }
    }

    /// BR-4: who proves to be somebody else than a broker of the list, be it a node or an authority.
    @Test func br4WhoIsNotOnTheListIsRefused() async throws {
        try await TestBrokers.run { brokers in
            let domain = brokers.identities.domain
            for svid in [try brokers.identities.svid("web"), try domain.node("a"), try domain.server()] {
                let told = brokers.events.refusals.count
                #expect(await brokers.refusal(of: svid) == .unavailable)
                #expect(await eventually { brokers.events.refusals.count > told })
                #expect(brokers.events.refusals.last == "\(svid.svid.id) is not on the list of brokers")
            }
        }
    }

    /// BR-1: a revoked SVID opens no connection, and ends those that it has opened.
    @Test func br1ARevokedBrokerHasNothingAnyMore() async throws {
        try await TestBrokers.run { brokers in
            try brokers.addPod("web")
            let reference = try Reference.pod("web-0")
            let ended = await failure {
                try await brokers.withBroker { client in
                    try await client.subscribeToX509SVID(.with { $0.reference = reference }, metadata: asBroker) {
                        response in
                        for try await _ in response.messages { try brokers.revoke(brokers.broker) }
                    }
                }
            }
            #expect(ended == "unavailable" || ended == "unauthenticated", "\(ended)")
            #expect(await eventually { brokers.server.connections.count == 0 })
            #expect(
                brokers.events.all.contains {
                    if case .ended(brokers.broker.svid.id, _) = $0 { true } else { false }
                })
            #expect(await brokers.refusal(of: brokers.broker) == .unavailable)
            #expect(await eventually { brokers.events.refusals.contains { $0.contains("revoked") } })
            // The other broker goes on.
            let own = try Reference.process(getpid())
            try brokers.identities.add("process", [.userID(geteuid())])
            let count = try await brokers.withBroker(brokers.limited) { try await $0.svids(own)?.svids.count }
            #expect(count == 1)
        }
    }

    /// BR-1: a revocation that comes between the broker's certificate and the end of the handshake, when no connection is there yet
    /// that could be reviewed.
    @Test func br1ABrokerThatIsRevokedWithinItsHandshakeIsRefused() async throws {
        try await TestBrokers.run { brokers in
            brokers.node.bundle = brokers.identities.bundle
            try brokers.revoke(brokers.broker)
            #expect(await brokers.refusal(of: brokers.broker) == .unavailable)
            #expect(brokers.events.refusals.first == "its SVID has become invalid: certificate 0 has been revoked")
            #expect(brokers.server.connections.count == 0)
        }
    }

    /// An SVID that runs out while its connection is open.
    @Test func aConnectionEndsWithItsSVID() async throws {
        try await TestBrokers.run { brokers in
            try brokers.addPod("web")
            let reference = try Reference.pod("web-0")
            let short = try brokers.identities.domain.workload("broker", endingIn: 5)
            brokers.identities.followClock()
            let ended = await failure {
                try await brokers.withBroker(short) { client in
                    try await client.subscribeToX509SVID(.with { $0.reference = reference }, metadata: asBroker) {
                        response in
                        for try await _ in response.messages {}
                    }
                }
            }
            #expect(ended == "unavailable" || ended == "unauthenticated", "\(ended)")
            #expect(await eventually { brokers.server.connections.count == 0 })
        }
    }

    /// BR-1: the server is the node, and shows a renewed SVID to whoever connects after that.
    @Test func br1TheServerShowsTheNodesSVID() async throws {
        try await TestBrokers.run { brokers in
            #expect(try await shown(by: brokers) == brokers.node.svid.svid.leaf)
            let renewed = try brokers.identities.domain.node("a")
            brokers.node.svid = renewed
            #expect(try await shown(by: brokers) == renewed.svid.leaf)
        }
    }

    /// The certificate that a client of ours verifies, by the socket.
    private func shown(by brokers: TestBrokers) async throws -> Certificate {
        let (own, identities) = (brokers.broker, brokers.identities)
        let identity = TransportIdentity(
            current: { own }, bundle: { identities.bundle }, now: { TestDomain.now })
        let node = try identities.domain.nodeID("a")
        let group = MultiThreadedEventLoopGroup.singleton
        let shaken = group.next().makePromise(of: HandshakeOutcome.self)
        let channel = try await ClientBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(
                        SecureTransportHandler(
                            role: .client, identity: identity, expecting: .node(exactly: node), alpn: ["h2"]),
                        OutcomeWatch(shaken))
                }
            }
            .connect(unixDomainSocketPath: brokers.path).get()
        defer { channel.close(promise: nil) }
        return try #require(try await shaken.futureResult.get().peer?.leaf)
    }

    private final class OutcomeWatch: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        private let shaken: EventLoopPromise<HandshakeOutcome>

        init(_ shaken: EventLoopPromise<HandshakeOutcome>) { self.shaken = shaken }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if let outcome = event as? HandshakeOutcome { shaken.succeed(outcome) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { shaken.fail(error) }
    }

    /// The socket is for its owner and its group.
    @Test func theSocketIsNotForAll() async throws {
        try await TestBrokers.run { brokers in
            let mode = try FileManager.default.attributesOfItem(atPath: brokers.path)[.posixPermissions] as? Int
            #expect(mode == 0o660)
        }
    }

    /// A directory that says whose group its sockets get goes on saying so.
    @Test func theGroupOfADirectoryStaysItsSockets() throws {
        let directory = try TemporaryDirectory()
        let place = directory.path + "/broker"
        try Command.run("install", "-d", "-g", "4711", place)
        for given in ["2700", "2755"] {
            try Command.run("chmod", given, place)
            try PublicSocket.prepareDirectory("broker", in: directory.path)
            let found = try Command.run("stat", "--format=%a %g", place)
            #expect(found == "2755 4711\n")
        }
    }

    /// Both places or none: what cannot be bound is said, and does not leave half of it behind.
    @Test func aPlaceThatIsTakenEndsAll() async throws {
        let directory = try TemporaryDirectory()
        try await TestBrokers.run { brokers in
            let identities = brokers.identities
            for places in [[path(directory), taken(brokers)], [taken(brokers), path(directory)]] {
                let server = try BrokerServer(
                    at: places,
                    identity: TransportIdentity(current: { nil }, bundle: { identities.bundle }, now: identities.now),
                    identities: identities, policy: BrokerPolicy([:]), observe: { _ in })
                let running = Task { try await server.run() }
                #expect(await !server.isListening)
                await #expect(throws: (any Error).self) { try await running.value }
            }
        }
    }

    private func path(_ directory: TemporaryDirectory) -> BrokerServer.Place {
        .socket(path: directory.path + "/other.sock")
    }

    private func taken(_ brokers: TestBrokers) -> BrokerServer.Place {
        .address("127.0.0.1", port: UInt16(brokers.port))
    }

    // MARK: What it offers

    /// BR-2: both profiles, each call.
    @Test(arguments: [false, true]) func br2WhatIsSentIsWhatABrokerNeeds(byTCP: Bool) async throws {
        try await TestBrokers.run { brokers in
            let id = try #require(try brokers.addPod("web").svid).svid.id.description
            let (reference, bundle) = (try Reference.pod("web-0"), brokers.identities.bundle)
            let root = brokers.identities.domain.authority.certificate.der
            let key = brokers.identities.jwtBundle
            try await brokers.withBroker(byTCP: byTCP) { client in
                let answer = try await client.svids(reference)
                let svid = try #require(answer?.svids.first)
                #expect(answer?.svids.count == 1 && svid.spiffeID == id)
                let verified = try SVIDVerifier(bundle: bundle).verify(
                    chainDER: [Array(svid.x509Svid)], at: TestDomain.now)
                let key = try PrivateKey(pkcs8DER: SecretBytes(Array(svid.x509SvidKey)))
                #expect(key.publicKey == verified.leaf.publicKey && Array(svid.bundle) == root)
                #expect(try await client.bundles(reference)?.bundles == ["spiffe://example.org": Data(root)])
            }
            try await brokers.withBroker(byTCP: byTCP) { client in
                let tokens = try await client.tokens(reference, audience: ["a", "b"]).svids
                #expect(tokens.map(\.spiffeID) == ["spiffe://example.org/ns/shop/sa/web"])
                #expect(tokens.first?.svid.split(separator: ".").count == 3)
                #expect(
                    try await client.jwtBundles(reference)?.bundles == ["spiffe://example.org": Data(key.encoded.utf8)])
                // One that it has not is refused, and an audience is needed.
                let other = await failure {
                    _ = try await client.tokens(reference, id: "spiffe://example.org/ns/shop/sa/other")
                }
                #expect(other == "permissionDenied WORKLOAD_NOT_ENTITLED spiffe.io")
                #expect(await failure { _ = try await client.tokens(reference, audience: []) } == "invalidArgument")
            }
        }
    }

    /// BR-2: the service as it stands, under its name; nothing of the Workload API.
    @Test func br2WhatIsOfferedIsToldAndDescribed() async throws {
        try await TestBrokers.run { brokers in
            let services = try await brokers.withConnection(of: brokers.broker) { connection in
                try await Grpc_Reflection_V1_ServerReflection.Client(wrapping: connection)
                    .serverReflectionInfo(metadata: asBroker) { writer in
                        try await writer.write(.with { $0.messageRequest = .listServices("") })
                    } onResponse: { response in
                        try await response.messages.first { _ in true }?.listServicesResponse.service.map(\.name)
                    }
            }
            #expect(services?.sorted() == ["grpc.reflection.v1.ServerReflection", "spiffe.broker.API"])
            let methods = ["SubscribeToX509SVID", "SubscribeToX509Bundles", "FetchJWTSVID", "SubscribeToJWTBundles"]
            #expect(Set(Spiffe_Broker_API.Method.descriptors.map(\.method)) == Set(methods))
            // The Workload API is not served here.
            let workload = await status {
                try await brokers.withConnection(of: brokers.broker) { connection in
                    _ = try await SpiffeWorkloadAPI.Client(wrapping: connection).fetchJWTSVID(
                        .init(), metadata: asBroker)
                }
            }
            #expect(workload == .unimplemented)
        }
    }

    // MARK: References

    /// BR-3: what is no reference, each in its way, and what is not here; at every call.
    @Test func br3ReferencesThatMakeNoSenseAreInvalid() async throws {
        try await TestBrokers.run { brokers in
            try brokers.addPod("web", uid: Self.uid)
            let pid = Spiffe_Broker_WorkloadPIDReference.with { $0.pid = getpid() }
            var wrongPrefix = try Reference(pid, named: "WorkloadPIDReference")
            wrongPrefix.reference.typeURL = "example.org/spiffe.broker.WorkloadPIDReference"
            var damaged = try Reference(pid, named: "WorkloadPIDReference")
            damaged.reference.value = Data([0xff, 0xff])
            var unknown = try Reference(pid, named: "WorkloadPIDReference")
            unknown.reference.value += Data([0x10, 1])
            let known = try Reference(pid, named: "WorkloadPIDReference")
            // Beside the reference, and beside its type.
            let unknownBeside = try Reference(serializedBytes: known.serializedBytes() + [0x10, 1])
            var unknownWithin = known
            unknownWithin.reference = try .init(serializedBytes: known.reference.serializedBytes() + [0x18, 1])
            let invalid: [Reference] = [
                Reference(), wrongPrefix, damaged, unknown, unknownBeside, unknownWithin,
                try Reference(pid, named: "OtherReference"),
                try .process(0), try .process(-1), try .pod(nil), try .pod("", uid: Self.uid),
                try .pod("web-0", namespace: ""),
                try .pod("web-0", uid: "1234"), try .object("", "core", "web-0", namespace: "shop"),
                try .object("pods", "", "web-0", namespace: "shop"), try .pod("../web-0"),
            ]
            let missing: [Reference] = [
                try .pod("other-0"), try .pod("web-0", namespace: "other"), try .pod(nil, uid: Self.otherUID),
                try .object("deployments", "apps", "web", namespace: "shop"),
                try .object("nodes", "core", "a", namespace: ""),
                try .object("pods", "apps", "web-0", namespace: "shop"), try .process(Int32.max),
            ]
            try await brokers.withBroker { client in
                for reference in invalid {
                    for call in client.calls(reference) {
                        #expect(await failure(of: call) == "invalidArgument WORKLOAD_REFERENCE_INVALID spiffe.io")
                    }
                }
                for reference in missing {
                    for call in client.calls(reference) {
                        #expect(await failure(of: call) == "notFound WORKLOAD_NOT_FOUND spiffe.io")
                    }
                }
            }
            #expect(brokers.events.served.isEmpty)
        }
    }

    /// BR-3: a field of the request that is not known here may narrow down what it is for.
    @Test func br3ARequestWithAnUnknownFieldIsInvalid() async throws {
        try await TestBrokers.run { brokers in
            try brokers.addPod("web")
            let reference = try Reference.pod("web-0")
            let stream = Spiffe_Broker_SubscribeToX509SVIDRequest.with { $0.reference = reference }
            let token = Spiffe_Broker_FetchJWTSVIDRequest.with {
                $0.reference = reference
                $0.audience = ["a"]
            }
            let (unknownStream, unknownToken) = (
                try Spiffe_Broker_SubscribeToX509SVIDRequest(serializedBytes: stream.serializedBytes() + [0x78, 1]),
                try Spiffe_Broker_FetchJWTSVIDRequest(serializedBytes: token.serializedBytes() + [0x78, 1])
            )
            try await brokers.withBroker { client in
                let invalid = "invalidArgument WORKLOAD_REFERENCE_INVALID spiffe.io"
                let streamed = await failure {
                    try await client.subscribeToX509SVID(unknownStream, metadata: asBroker) {
                        for try await _ in $0.messages {}
                    }
                }
                #expect(streamed == invalid)
                let fetched = await failure { _ = try await client.fetchJWTSVID(unknownToken, metadata: asBroker) }
                #expect(fetched == invalid)
                _ = try await client.fetchJWTSVID(token, metadata: asBroker)
            }
        }
    }

    /// What the journal has of it: whom each call was for, and as whom the broker may act; nothing of a call that gave nothing.
    @Test func whatABrokerIsGivenIsTold() async throws {
        try await TestBrokers.run { brokers in
            try brokers.addPod("web")
            let facts = try PodFacts(namespace: "shop", serviceAccount: "none", name: "none-0", labels: [:])
            brokers.identities.change { $0.hosted.append((KnownPod(facts: facts, svid: nil), nil)) }
            let (web, none) = (try Reference.pod("web-0"), try Reference.pod("none-0"))
            try await brokers.withBroker { client in
                for call in client.calls(none) {
                    #expect(await failure(of: call) == "permissionDenied WORKLOAD_NOT_ENTITLED spiffe.io")
                }
                #expect(brokers.events.served.isEmpty)
                for call in client.calls(web) { try await call() }
            }
            #expect(
                brokers.events.served == [
                    "SubscribeToX509SVID pod shop/web-0 /ns/shop/sa/web", "SubscribeToX509Bundles pod shop/web-0",
                    "FetchJWTSVID pod shop/web-0 /ns/shop/sa/web", "SubscribeToJWTBundles pod shop/web-0",
                ])
        }
    }

    /// BR-3: a workload that is there and has nothing; E-6: one of which nothing is known yet.
    @Test func br3WhoIsNotEntitledGetsNothing() async throws {
        try await TestBrokers.run { brokers in
            let facts = try PodFacts(namespace: "shop", serviceAccount: "web", name: "web-0", labels: [:])
            brokers.identities.change { $0.hosted = [(KnownPod(facts: facts, svid: nil), nil)] }
            let references = [try Reference.pod("web-0"), try Reference.process(getpid())]
            try await brokers.withBroker { client in
                for reference in references {
                    for call in client.calls(reference) {
                        #expect(await failure(of: call) == "permissionDenied WORKLOAD_NOT_ENTITLED spiffe.io")
                    }
                }
                brokers.identities.change { $0.entries = nil }
                for call in client.calls(references[0]) { #expect(await failure(of: call) == "unavailable") }
            }
        }
    }

    /// BR-4: name and UID have to be of one pod, at the time of issue, too; a pod of which no UID is known has none.
    @Test func br4NameAndUIDHaveToBeOfOnePod() async throws {
        try await TestBrokers.run { brokers in
            try brokers.addPod("web", uid: Self.uid)
            try brokers.addPod("plain")
            let good = [
                try Reference.pod("web-0", uid: Self.uid), try .pod(nil, uid: Self.uid), try .pod("web-0"),
                try .pod(nil, uid: Self.uid.uppercased()),
            ]
            let bad = [
                try Reference.pod("web-0", uid: Self.otherUID), try .pod("plain-0", uid: Self.uid),
                try .pod("plain-0", uid: Self.otherUID),
            ]
            try await brokers.withBroker { client in
                for reference in good {
                    let id = try await client.svids(reference)?.svids.first?.spiffeID
                    #expect(id == "spiffe://example.org/ns/shop/sa/web")
                }
                for reference in bad {
                    for call in client.calls(reference) {
                        #expect(await failure(of: call) == "notFound WORKLOAD_NOT_FOUND spiffe.io")
                    }
                }
            }
        }
    }

    /// What the four calls end with.
    private func failures(
        _ brokers: TestBrokers, of svid: KeyedSVID, _ reference: Reference, byTCP: Bool
    ) async throws -> Set<String> {
        try await brokers.withBroker(svid, byTCP: byTCP) { client in
            var failures: Set<String> = []
            for call in client.calls(reference) { failures.insert(await failure(of: call)) }
            return failures
        }
    }

    /// BR-4: each broker only in the ways that the list has for it, and over TCP only where that says so.
    @Test func br4AKindThatIsNotAllowedIsRefused() async throws {
        try await TestBrokers.run { brokers in
            try brokers.addPod("web")
            try brokers.identities.add("process", [.userID(geteuid())])
            let (pod, process) = (try Reference.pod("web-0"), try Reference.process(getpid()))
            #expect(try await failures(brokers, of: brokers.limited, pod, byTCP: false) == ["permissionDenied"])
            #expect(try await failures(brokers, of: brokers.limited, process, byTCP: false) == ["no failure"])
            #expect(try await failures(brokers, of: brokers.limited, process, byTCP: true) == ["permissionDenied"])
            #expect(try await failures(brokers, of: brokers.broker, process, byTCP: true) == ["permissionDenied"])
            #expect(try await failures(brokers, of: brokers.broker, pod, byTCP: true) == ["no failure"])
            let denials = brokers.events.all.filter { if case .denied = $0 { true } else { false } }
            #expect(
                denials.first
                    == .denied(
                        brokers.limited.svid.id,
                        reason: "\(brokers.limited.svid.id) may not use a KubernetesObjectReference"))
            #expect(denials.count == 12)
        }
    }

    /// BR-4: the identity of a broker of the list, of pods and of processes; whoever has it has another, too, gets the other.
    @Test func br4ABrokerIsNotGivenAnothers() async throws {
        try await TestBrokers.run { brokers in
            try brokers.addPod("limited")
            try brokers.addPod("broker")
            try brokers.identities.add("limited", [.userID(geteuid())])
            let (other, own) = (try Reference.pod("limited-0"), try Reference.pod("broker-0"))
            let process = try Reference.process(getpid())
            try await brokers.withBroker { client in
                for call in client.calls(other) + client.calls(process) {
                    #expect(await failure(of: call) == "permissionDenied WORKLOAD_NOT_ENTITLED spiffe.io")
                }
                #expect(try await client.svids(own)?.svids.map(\.spiffeID) == ["\(brokers.broker.svid.id)"])
                try brokers.identities.add("web", [.userID(geteuid())])
                #expect(
                    try await client.svids(process)?.svids.map(\.spiffeID) == ["spiffe://example.org/ns/shop/sa/web"])
            }
            let itself = try await brokers.withBroker(brokers.limited) { try await $0.svids(process)?.svids.count }
            #expect(itself == 2)
        }
    }

    /// BR-4: a number of a process that a broker of another PID namespace says is of that namespace; pods it may name.
    @Test func br4NumbersOfAnotherPIDNamespaceCountForNothing() async throws {
        try await TestBrokers.run { brokers in
            try brokers.addPod("web")
            try brokers.identities.add("process", [.userID(geteuid())])
            let inside = try await Relay(
                to: brokers.path, by: ["unshare", "--pid", "--fork", "--kill-child"])
            let beside = try await Relay(to: brokers.path)
            defer { for relay in [inside, beside] { relay.program.end() } }
            let (pod, process) = (try Reference.pod("web-0"), try Reference.process(getpid()))
            try await brokers.withBroker(through: inside.path) { client in
                for call in client.calls(process) { #expect(await failure(of: call) == "permissionDenied") }
                let count = try await client.svids(pod)?.svids.count
                #expect(count == 1)
            }
            let reason = "is in a PID namespace of its own: its numbers of processes are not the node's"
            let id = brokers.broker.svid.id
            #expect(brokers.events.all.contains(.denied(id, reason: "\(id) \(reason)")))
            let count = try await brokers.withBroker(through: beside.path) { try await $0.svids(process)?.svids.count }
            #expect(count == 1)
        }
    }

    /// BR-1: an SVID that was issued to another node is not a broker's of this node's socket, wherever its key came from; by TCP
    /// brokers may be elsewhere, and one that says nothing of a node is as good as any.
    @Test func br1AnSVIDOfAnotherNodeIsRefusedAtTheSocket() async throws {
        try await TestBrokers.run { brokers in
            try brokers.addPod("web")
            let reference = try Reference.pod("web-0")
            let domain = brokers.identities.domain
            let elsewhere = try domain.workload("broker", number: 300, on: domain.nodeID("b"))
            let unbound = try domain.workload("broker", number: nil, on: domain.nodeID("b"))
            #expect(await brokers.refusal(of: elsewhere) == .unavailable)
            #expect(await eventually { !brokers.events.refusals.isEmpty })
            let reason = "the SVID of \(elsewhere.svid.id) was issued to spiffe://example.org/podshield/node/b"
            #expect(brokers.events.refusals == [reason])
            for (svid, byTCP) in [(elsewhere, true), (unbound, false)] {
                let count = try await brokers.withBroker(svid, byTCP: byTCP) {
                    try await $0.svids(reference)?.svids.count
                }
                #expect(count == 1)
            }
        }
    }

    /// BR-4: a process that becomes another user is not who was referred to: a program such as sudo has the number of who began it.
    @Test func br4AProcessThatBecomesAnotherUserHasNothing() async throws {
        try await TestBrokers.run { brokers in
            try brokers.identities.add("before", [.userID(0)])
            try brokers.identities.add("after", [.userID(4711)])
            let script = """
                import os, sys
                print("ready", flush=True)
                sys.stdin.readline(); os.setuid(4711); sys.stdin.readline()
                """
            let (input, output) = (Pipe(), Pipe())
            let program = try RunningProgram(
                ["python3", "-c", script], input: input.fileHandleForReading, output: output.fileHandleForWriting)
            defer { program.end() }
            _ = output.fileHandleForReading.availableData
            let reference = try Reference.process(program.processID)
            let status = "/proc/\(program.processID)/status"
            let ended = await failure {
                try await brokers.withBroker { client in
                    try await client.subscribeToX509SVID(.with { $0.reference = reference }, metadata: asBroker) {
                        response in
                        for try await message in response.messages {
                            #expect(message.svids.map(\.spiffeID) == ["spiffe://example.org/ns/shop/sa/before"])
                            try input.fileHandleForWriting.write(contentsOf: Data("go\n".utf8))
                            let isAnother = try await eventually {
                                let text = try String(contentsOfFile: status, encoding: .utf8)
                                return text.contains("Uid:\t4711\t4711\t4711\t4711")
                            }
                            #expect(isAnother)
                            brokers.identities.change { _ in }
                        }
                    }
                }
            }
            #expect(ended == "permissionDenied WORKLOAD_NOT_ENTITLED spiffe.io")
            // Who refers to it from now on refers to whom it has become.
            let ids = try await brokers.withBroker { try await $0.svids(reference)?.svids.map(\.spiffeID) }
            #expect(ids == ["spiffe://example.org/ns/shop/sa/after"])
        }
    }

    /// BR-4: what became another while it was looked at is looked at once more.
    @Test func br4WhatChangesMeanwhileIsNotSent() async throws {
        try await TestBrokers.run { brokers in
            try brokers.addPod("web")
            let renewed = try brokers.identities.svid("web")
            let identities = brokers.identities
            identities.during {
                identities.change { values in
                    let pod = values.hosted[0].pod
                    values.hosted[0].pod = KnownPod(facts: pod.facts, svid: renewed, instance: pod.instance)
                }
            }
            let reference = try Reference.pod("web-0")
            let svid = try await brokers.withBroker { try await $0.svids(reference)?.svids.first }
            #expect(svid.map { Array($0.x509Svid) } == renewed.svid.leaf.der)
        }
    }

    /// BR-4: what a process is, the node finds out itself: whose it is, and where it lives.
    @Test func br4AProcessIsWhatTheNodeFinds() async throws {
        try await TestBrokers.run { brokers in
            try brokers.identities.add("mine", [.userID(4711)])
            try brokers.identities.add("others", [.userID(4712)])
            try brokers.identities.add("roots", [.userID(0)])
            let plain = ["setpriv", "--reuid=4711", "--regid=4711", "--clear-groups"]
            let process = try RunningProgram(plain + ["sleep", "60"])
            let container = try RunningProgram(["unshare", "--net"] + plain + ["sleep", "60"])
            // One user's program that acts as another.
            let acting = try RunningProgram([
                "setpriv", "--ruid=4712", "--euid=4711", "--regid=4711", "--clear-groups", "sleep", "60",
            ])
            // It is root in a user namespace of its own, which nobody but itself is told.
            let root = try RunningProgram(plain + ["unshare", "--user", "--map-root-user", "sleep", "60"])
            defer { for program in [process, container, acting, root] { program.end() } }
            for program in [process, root, container, acting] { #expect(await hasBecome("sleep", program)) }
            let references = try [process, root, container, acting].map { try Reference.process($0.processID) }
            try await brokers.withBroker(brokers.limited) { client in
                for reference in references.prefix(2) {
                    let ids = try await client.svids(reference)?.svids.map(\.spiffeID)
                    #expect(ids == ["spiffe://example.org/ns/shop/sa/mine"])
                }
                for reference in references.dropFirst(2) {
                    let ended = await failure { _ = try await client.svids(reference) }
                    #expect(ended == "permissionDenied WORKLOAD_NOT_ENTITLED spiffe.io")
                }
            }
        }
    }

    private func hasBecome(_ name: String, _ program: RunningProgram) async -> Bool {
        await eventually {
            (try? String(contentsOfFile: "/proc/\(program.processID)/comm", encoding: .utf8)) == "\(name)\n"
        }
    }

    // MARK: Life

    /// BR-5: the stream of a process ends with the process, at once, and nobody gets its number.
    @Test func br5AStreamEndsWithItsProcess() async throws {
        try await TestBrokers.run { brokers in
            try brokers.identities.add("mine", [.userID(4711)])
            let process = try RunningProgram([
                "setpriv", "--reuid=4711", "--regid=4711", "--clear-groups", "sleep", "60",
            ])
            #expect(await hasBecome("sleep", process))
            let reference = try Reference.process(process.processID)
            let ended = await failure {
                try await brokers.withBroker(brokers.limited) { client in
                    try await client.subscribeToX509SVID(.with { $0.reference = reference }, metadata: asBroker) {
                        response in
                        for try await _ in response.messages { process.end() }
                    }
                }
            }
            #expect(ended == "notFound WORKLOAD_NOT_FOUND spiffe.io")
            #expect(await eventually { brokers.server.connections.streamCount == 0 })
            #expect(brokers.events.served == ["SubscribeToX509SVID process \(process.processID) /ns/shop/sa/mine"])
        }
    }

    /// BR-5: a process that gets the number of one that has ended, of the same user and the same program, is another.
    @Test func br5ANumberThatIsGivenAgainIsAnothers() async throws {
        try await TestBrokers.run { brokers in
            try brokers.identities.add("mine", [.userID(4711)])
            let words = ["setpriv", "--reuid=4711", "--regid=4711", "--clear-groups", "sleep", "60"]
            let first = try RunningProgram(words)
            #expect(await hasBecome("sleep", first))
            let reference = try Reference.process(first.processID)
            let second = Mutex<RunningProgram?>(nil)
            let ended = await failure {
                try await brokers.withBroker { client in
                    try await client.subscribeToX509SVID(.with { $0.reference = reference }, metadata: asBroker) {
                        response in
                        for try await _ in response.messages {
                            first.end()
                            let program = try RunningProgram.start(words, as: first.processID)
                            second.withLock { $0 = program }
                            #expect(await hasBecome("sleep", program))
                            brokers.identities.change { _ in }
                        }
                    }
                }
            }
            #expect(ended == "notFound WORKLOAD_NOT_FOUND spiffe.io")
            #expect(second.withLock { $0?.processID } == first.processID)
            let count = try await brokers.withBroker { try await $0.svids(reference)?.svids.count }
            #expect(count == 1)
        }
    }

    /// BR-5: every call is for one workload, and what ends for one goes on for the others, on the same connection.
    @Test func br5WhatEndsForOnePodGoesOnForTheOthers() async throws {
        try await TestBrokers.run { brokers in
            try brokers.addPod("web")
            try brokers.addPod("db")
            let (web, db) = (try Reference.pod("web-0"), try Reference.pod("db-0"))
            let renewed = try brokers.identities.svid("db")
            try await brokers.withBroker { client in
                try await client.subscribeToX509SVID(.with { $0.reference = db }, metadata: asBroker) { response in
                    var messages = response.messages.makeAsyncIterator()
                    #expect(try await messages.next()?.svids.map(\.spiffeID) == ["spiffe://example.org/ns/shop/sa/db"])
                    let ended = await failure {
                        try await client.subscribeToX509SVID(.with { $0.reference = web }, metadata: asBroker) {
                            response in
                            for try await message in response.messages {
                                #expect(message.svids.map(\.spiffeID) == ["spiffe://example.org/ns/shop/sa/web"])
                                brokers.removePod("web")
                            }
                        }
                    }
                    #expect(ended == "notFound WORKLOAD_NOT_FOUND spiffe.io")
                    #expect(brokers.server.connections.count == 1)
                    // A rotation is pushed.
                    brokers.identities.change { values in
                        let pod = values.hosted[0].pod
                        values.hosted[0].pod = KnownPod(facts: pod.facts, svid: renewed, instance: pod.instance)
                    }
                    let next = try await messages.next()
                    #expect(next?.svids.first.map { Array($0.x509Svid) } == renewed.svid.leaf.der)
                    // And a change of the bundle.
                    try brokers.revoke(brokers.limited)
                    #expect(try await messages.next()?.crl.count == 1)
                }
            }
        }
    }

    /// BR-5: a pod that takes the name of another is another, however quick it is.
    @Test func br5APodThatTakesANameIsAnother() async throws {
        try await TestBrokers.run { brokers in
            try brokers.addPod("web")
            let reference = try Reference.pod("web-0")
            let ended = await failure {
                try await brokers.withBroker { client in
                    try await client.subscribeToX509Bundles(.with { $0.reference = reference }, metadata: asBroker) {
                        response in
                        for try await _ in response.messages {
                            brokers.identities.change { values in
                                let pod = values.hosted[0].pod
                                values.hosted[0].pod = KnownPod(facts: pod.facts, svid: pod.svid, instance: "second")
                            }
                        }
                    }
                }
            }
            #expect(ended == "notFound WORKLOAD_NOT_FOUND spiffe.io")
            // Asked for again, it is found.
            let count = try await brokers.withBroker { try await $0.svids(reference)?.svids.count }
            #expect(count == 1)
        }
    }

    /// BR-5, BR-3: entries that change change the stream; with the last it ends.
    @Test func br5AnEntryThatGoesTakesWhatItGave() async throws {
        try await TestBrokers.run { brokers in
            try brokers.addPod("web")
            brokers.identities.change { values in
                values.hosted[0].pod = KnownPod(facts: values.hosted[0].pod.facts, svid: nil)
            }
            try brokers.identities.add("first", [.podName("web-0")])
            try brokers.identities.add("second", [.podLabel(key: "app", value: "web")], hint: "internal")
            // Those of processes are for processes.
            try brokers.identities.add("process", [.podName("web-0"), .userID(0)])
            let reference = try Reference.pod("web-0")
            try await brokers.withBroker { client in
                let seen = try await client.subscribeToX509SVID(.with { $0.reference = reference }, metadata: asBroker)
                {
                    response in
                    var seen: [[String]] = []
                    let ended = await failure {
                        for try await message in response.messages {
                            seen.append(message.svids.map { $0.spiffeID.split(separator: "/").last! + $0.hint })
                            brokers.identities.remove(seen.count == 1 ? "first" : "second")
                        }
                    }
                    #expect(ended == "permissionDenied WORKLOAD_NOT_ENTITLED spiffe.io")
                    return seen
                }
                #expect(seen == [["first", "secondinternal"], ["secondinternal"]])
            }
        }
    }
}
