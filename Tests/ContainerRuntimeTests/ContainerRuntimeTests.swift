import AuthorityAPI
import CRIAPI
import Foundation
import GRPCCore
import KernelTestSupport
import SwiftProtobuf
import Testing

@testable import ContainerRuntime

@Suite(.timeLimit(.minutes(2))) struct ContainerRuntimeTests {
    private let runtime: TestRuntime
    private let told = Told()
    private static let (a, b, c) = (ContainerID.of("a"), ContainerID.of("b"), ContainerID.of("c"))

    init() throws { runtime = try TestRuntime() }

    /// With more patience than a busy machine needs, and tries that follow each other soon.
    private static var eager: ContainerRuntimeLimits {
        var limits = ContainerRuntimeLimits()
        limits.patience = .seconds(30)
        limits.firstPause = .milliseconds(50)
        limits.longestPause = .milliseconds(200)
        return limits
    }

    private func client(_ limits: ContainerRuntimeLimits = eager) -> ContainerRuntime {
        ContainerRuntime(socket: runtime.socket, limits: limits, observe: told.add, answered: told.answered)
    }

    private func facts(_ id: ContainerID, _ name: String) -> ContainerKnowledge {
        .known(ContainerFacts(Runtime_V1_ContainerStatus.of(id, name: name)))
    }

    @Test func whatItSaysIsReadAndKept() async throws {
        try await runtime.start()
        runtime.service[Self.a] = .status(.of(Self.a, name: "web"))
        let client = client()
        let expected = ContainerFacts(
            name: "web", images: ["registry.example/shop/web:1", "registry.example/shop/web@sha256:0f"],
            pod: ContainerFacts.Pod(
                namespace: "shop", name: "web-0", uid: PodUID("a1b2c3d4-e5f6-7890-abcd-ef1234567890")))
        for _ in 0..<3 { #expect(await client.container(Self.a) == .known(expected)) }
        #expect(runtime.service.asked == [Self.a.text] && told.all == [])
        // It is known for as long as the container is there, whether or not the runtime is.
        await runtime.stop()
        #expect(await client.container(Self.a) == .known(expected))
    }

    /// However many ask at once, for one container or for many.
    @Test func itIsAskedOnceForEachAndOneAfterAnother() async throws {
        try await runtime.start()
        let ids = "0123456789".map(ContainerID.of)
        for id in ids { runtime.service[id] = .status(.of(id, name: "web")) }
        let client = client()
        await withTaskGroup(of: ContainerKnowledge.self) { group in
            for id in ids + ids + ids { group.addTask { await client.container(id) } }
            for await answer in group { #expect(answer != .unknown && answer != .unanswered) }
        }
        #expect(runtime.service.asked.sorted() == ids.map(\.text) && runtime.service.mostConcurrent == 1)
    }

    /// Only for a while: it may be about to be made.
    @Test func whatItDoesNotHaveIsUnknown() async throws {
        try await runtime.start()
        var limits = Self.eager
        limits.unknown = .seconds(60)
        let patient = client(limits)
        for _ in 0..<5 { #expect(await patient.container(Self.a) == .unknown) }
        #expect(runtime.service.asked.count == 1 && told.all == [])
        limits.unknown = .zero
        let hasty = client(limits)
        #expect(await hasty.container(Self.a) == .unknown)
        runtime.service[Self.a] = .status(.of(Self.a, name: "web"))
        #expect(await hasty.container(Self.a) == facts(Self.a, "web"))
        #expect(await patient.container(Self.a) == .unknown)
    }

    @Test func thoseThatNobodyAsksForAreForgotten() async throws {
        try await runtime.start()
        var limits = Self.eager
        limits.containers = 2
        let client = client(limits)
        for id in [Self.a, Self.b, Self.c] { runtime.service[id] = .status(.of(id, name: "web")) }
        for id in [Self.a, Self.b, Self.a, Self.c, Self.c, Self.b, Self.a] {
            #expect(await client.container(id) == facts(id, "web"))
        }
        #expect(runtime.service.asked == [Self.a, Self.b, Self.c, Self.b, Self.a].map(\.text))
    }

    // MARK: Without an answer

    /// Everybody is told at once; it is told once, and again when there is an answer, and then nobody has to ask for it.
    @Test func oneThatIsNotThereIsTriedAgain() async throws {
        runtime.service[Self.a] = .status(.of(Self.a, name: "web"))
        let client = client()
        for id in [Self.a, Self.b, Self.a] { #expect(await client.container(id) == .unanswered) }
        #expect(told.all.count == 1 && told.answeredCount == 0)
        guard case .away(let reason) = told.all.first else { throw RPCError(code: .unknown, message: "\(told.all)") }
        #expect(reason.contains("No such file or directory"))
        try await runtime.start()
        try await until { told.all.last == .back }
        #expect(told.answeredCount > 0)
        #expect(await client.container(Self.a) == facts(Self.a, "web"))
        #expect(await client.container(Self.b) == .unknown)
        #expect(Set(runtime.service.asked) == [Self.a.text, Self.b.text])
        // And likewise the next time.
        await runtime.stop()
        #expect(await client.container(Self.c) == .unanswered)
        #expect(told.all.count == 3)
    }

    /// One that takes the call, and one that accepts connections and says nothing: neither keeps anybody for longer than it may.
    @Test func oneThatIsSilentIsNotWaitedFor() async throws {
        try await runtime.start()
        for id in [Self.a, Self.b, Self.c] { runtime.service[id] = .nothing }
        var limits = Self.eager
        (limits.patience, limits.firstPause, limits.longestPause) = (.seconds(2), .seconds(60), .seconds(60))
        let client = client(limits)
        await withTaskGroup(of: ContainerKnowledge.self) { group in
            for id in [Self.a, Self.b, Self.c] { group.addTask { await client.container(id) } }
            for await answer in group { #expect(answer == .unanswered) }
        }
        // Those that wait behind one enquiry have no deadline of their own.
        #expect(runtime.service.asked.count <= 1 && told.all.count == 1)
        await runtime.stop()
        let script =
            "import socket, sys, time; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); time.sleep(60)"
        let silent = try RunningProgram(["python3", "-c", script, runtime.socket])
        defer { silent.end() }
        try await until { FileManager.default.fileExists(atPath: runtime.socket) }
        let other = ContainerRuntime(socket: runtime.socket, limits: limits, observe: { _ in }, answered: {})
        #expect(await other.container(Self.a) == .unanswered)
    }

    /// That it has no answer for one container says nothing of the others.
    @Test(arguments: [RPCError.Code.unknown, .internalError, .resourceExhausted])
    func oneContainerWithoutAnAnswerIsAlone(code: RPCError.Code) async throws {
        try await runtime.start()
        runtime.service[Self.a] = .failure(code)
        runtime.service[Self.b] = .status(.of(Self.b, name: "web"))
        let client = client()
        #expect(await client.container(Self.a) == .unanswered)
        #expect(await client.container(Self.b) == facts(Self.b, "web"))
        #expect(told.all == [.away(reason: "it answers \(code): no\\u{1B}answer")])
        runtime.service[Self.a] = .status(.of(Self.a, name: "db"))
        try await until { told.all.last == .back }
        #expect(await client.container(Self.a) == facts(Self.a, "db"))
    }

    /// An operator who has heard of the one is told when all others are without an answer, too.
    @Test func thatItIsGoneIsToldAfterOneThatItDidNotAnswer() async throws {
        try await runtime.start()
        runtime.service[Self.a] = .failure(.unknown)
        let client = client()
        #expect(await client.container(Self.a) == .unanswered)
        await runtime.stop()
        #expect(await client.container(Self.b) == .unanswered)
        try await until { told.all.count == 2 }
        guard case .away(let reason) = told.all.last else { throw RPCError(code: .unknown, message: "\(told.all)") }
        #expect(!reason.hasPrefix("it answers"))
        runtime.service[Self.a] = .status(.of(Self.a, name: "db"))
        try await runtime.start()
        try await until { told.all.last == .back }
        #expect(told.all.count == 3)
    }

    /// Nor that it hangs at one.
    @Test func oneContainerThatHangsKeepsNoOther() async throws {
        try await runtime.start()
        runtime.service[Self.a] = .nothing
        runtime.service[Self.b] = .status(.of(Self.b, name: "web"))
        var limits = Self.eager
        limits.patience = .seconds(1)
        let client = client(limits)
        #expect(await client.container(Self.a) == .unanswered)
        for _ in 0..<500 where await client.container(Self.b) == .unanswered {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(await client.container(Self.b) == facts(Self.b, "web"))
        #expect(await client.container(Self.a) == .unanswered)
    }

    @Test func anotherContainerIsNotTheOne() async throws {
        try await runtime.start()
        runtime.service[Self.a] = .status(.of(Self.b, name: "web"))
        #expect(await client().container(Self.a) == .unanswered)
        #expect(told.all == [.away(reason: "it answers for another container")])
    }

    @Test func tooLongAnAnswerIsNone() async throws {
        try await runtime.start()
        var status = Runtime_V1_ContainerStatus.of(Self.a, name: "web")
        status.labels["long"] = String(repeating: "a", count: 5 << 20)
        runtime.service[Self.a] = .status(status)
        #expect(await client().container(Self.a) == .unanswered)
        guard case .away(let reason) = told.all.first else { throw RPCError(code: .unknown, message: "\(told.all)") }
        #expect(reason.contains("exceeded the configured maximum payload size"))
    }

    /// Who could exchange the socket would say who is who.
    @Test func aDirectoryThatOthersMayWriteToIsNotUsed() async throws {
        try await runtime.start()
        runtime.service[Self.a] = .status(.of(Self.a, name: "web"))
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: runtime.directory.path)
        let client = client()
        #expect(await client.container(Self.a) == .unanswered)
        #expect(runtime.service.asked == [] && told.all.count == 1)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: runtime.directory.path)
        try await until { told.all.last == .back }
        #expect(await client.container(Self.a) == facts(Self.a, "web"))
    }

    @Test func whatNoSelectorCanSayIsLeftOut() {
        let facts = ContainerFacts(
            .with {
                $0.metadata.name = "a/b"
                $0.image.image = ""
                $0.imageRef = "sha256:0f"
                $0.labels = ["io.kubernetes.pod.name": "web-0", "io.kubernetes.pod.uid": "0f"]
            })
        #expect(facts == ContainerFacts(name: "", images: ["sha256:0f"], pod: nil))
        #expect(facts.name == nil && facts.images == ["sha256:0f"])
    }

    private func until(_ holds: () -> Bool) async throws {
        for _ in 0..<500 where !holds() { try await Task.sleep(for: .milliseconds(20)) }
        #expect(holds())
    }
}
