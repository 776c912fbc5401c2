import AuthorityAPI
import Foundation
import Glibc
import Identity
import KernelTestSupport
import LinuxBinding
import Testing

@testable import WorkloadAPI

/// Who gets what by the container that he is in, for a process that is in one as the kernel has it.
@Suite(.blocking) struct ContainerSelectorTests {
    private let identities: TestIdentities
    private let attestor: Attestor
    private let group: String
    private let id: ContainerID
    private let contained: ContainedProcess

    private static let uid = PodUID("a1b2c3d4-e5f6-7890-abcd-ef1234567890")!

    init() throws {
        identities = try TestIdentities()
        attestor = Attestor(identities)
        id = Self.anID()
        group = "/\(Self.aSlice())/cri-containerd-\(id).scope"
        contained = try ContainedProcess(in: group)
    }

    /// One that no other test has.
    private static func aSlice() -> String { "podshield-\(UUID().uuidString.lowercased()).slice" }

    private static func anID() -> ContainerID {
        ContainerID((0..<64).map { _ in String(Int.random(in: 0..<16), radix: 16) }.joined())!
    }

    private static func container(_ name: String, namespace: String = "shop", pod: String = "web-0") -> ContainerFacts {
        ContainerFacts(
            name: name, images: ["registry.example/shop/\(name):1", "registry.example/shop/\(name)@sha256:0f"],
            pod: ContainerFacts.Pod(namespace: namespace, name: pod, uid: uid))
    }

    private func pod(uid: PodUID? = nil) throws -> KnownPod {
        let facts = try PodFacts(namespace: "shop", serviceAccount: "web", name: "web-0", labels: [:], uid: uid)
        return KnownPod(facts: facts, svid: nil, node: "node-a")
    }

    private func workload(_ place: Caller.Place) -> Workload {
        .process(Caller(process: contained.process, place: place))
    }

    private func accounts(_ place: Caller.Place = .container(number: 3)) async -> [String] {
        let context = try? await attestor.x509Context(of: workload(place))
        return context?.svids.map { String($0.svid.svid.id.path.split(separator: "/").last!) } ?? []
    }

    private func answer(_ knowledge: ContainerKnowledge?) { identities.change { $0.containers[id] = knowledge } }

    @Test func aContainerIsFoundByItsNameAndItsImage() async throws {
        try identities.change { $0.pods[3] = try pod() }
        answer(.known(Self.container("web")))
        try identities.add("name", [.namespace("shop"), .containerName("web")])
        try identities.add("image", [.containerImage("registry.example/shop/web:1")])
        try identities.add("digest", [.containerImage("registry.example/shop/web@sha256:0f"), .containerName("web")])
        try identities.add("other-name", [.namespace("shop"), .containerName("sidecar")])
        try identities.add("other-image", [.containerImage("registry.example/shop/web:2")])
        try identities.add("other-pod", [.namespace("bank"), .containerName("web")])
        #expect(await accounts() == ["name", "image", "digest"])
    }

    /// Whoever asks: on the host's network, in a network that is no pod's.
    @Test(arguments: [Caller.Place.host, .container(number: 9), .elsewhere])
    func aPodThatNobodyRegisteredHasContainers(place: Caller.Place) async throws {
        answer(.known(Self.container("web")))
        try identities.add("name", [.containerName("web")])
        try identities.add("pod", [.namespace("shop"), .containerName("web")])
        #expect(await accounts(place) == ["name"])
    }

    /// All of it is said of one pod.
    @Test(arguments: [
        container("web", namespace: "bank"), container("web", pod: "web-1"),
        ContainerFacts(name: "web", images: [], pod: nil),
    ])
    func aContainerOfAnotherPodIsNoneOfThis(container: ContainerFacts) async throws {
        try identities.change { $0.pods[3] = try pod() }
        try identities.add("name", [.namespace("shop"), .containerName("web")])
        answer(.known(container))
        #expect(await accounts() == [])
        answer(.known(Self.container("web")))
        #expect(await accounts() == ["name"])
        try identities.change { $0.pods[3] = try pod(uid: PodUID("0fa1b2c3-4d5e-6f70-8192-a3b4c5d6e7f8")) }
        #expect(await accounts() == [])
        try identities.change { $0.pods[3] = try pod(uid: Self.uid) }
        #expect(await accounts() == ["name"])
    }

    /// A group that it makes within its own, and calls like another container's, makes it no other.
    @Test func aContainerThatImitatesAnotherStaysItself() async throws {
        let other = Self.anID()
        identities.change {
            $0.containers = [id: .known(Self.container("web")), other: .known(Self.container("sidecar"))]
        }
        try identities.add("web", [.containerName("web")])
        try identities.add("sidecar", [.containerName("sidecar")])
        try contained.move(below: group, other.text)
        #expect(try contained.process.controlGroup() == "\(group)/\(other)")
        #expect(await accounts() == ["web"])
        #expect(identities.askedContainers == [id])
    }

    /// The kernel lets who has a group call those within it anything but a line's end or a slash.
    @Test(arguments: ["\u{301}x.slice", "\u{200d}.slice", "kubepods", "x.slice"])
    func whoHasAGroupOfItsOwnIsInNoContainer(name: String) async throws {
        let service = "/\(Self.aSlice())/a.service"
        let other = try ContainedProcess(in: "\(service)/\(name)/\(id)")
        #expect(try other.process.controlGroup() == "\(service)/\(name)/\(id)")
        answer(.known(Self.container("web")))
        try identities.add("web", [.containerName("web")])
        try identities.add("unit", [.systemdUnit("a.service")])
        let context = try await attestor.x509Context(of: .process(Caller(process: other.process, place: .host)))
        #expect(context.svids.map(\.svid.svid.id) == [try identities.svid("unit").svid.id])
        #expect(identities.askedContainers == [])
    }

    /// In which it was moved into another while the runtime answered.
    @Test func aContainerIsLookedAtOnceMore() async throws {
        let elsewhere = try ContainedProcess(in: "/\(Self.aSlice())/cri-containerd-\(Self.anID()).scope")
        answer(.known(Self.container("web")))
        try identities.add("web", [.containerName("web")])
        identities.duringContainerEnquiry { [contained] in try? elsewhere.take(contained) }
        #expect(await accounts() == [])
        // Its group is not gone before it.
        contained.end()
    }

    /// What the runtime would have to say may be so: that is another answer than none, and keeps nothing else back.
    @Test func aRuntimeWithoutAnAnswerDeniesNothingForGood() async throws {
        try identities.change { $0.pods[3] = try pod() }
        answer(.unanswered)
        try identities.add("name", [.namespace("shop"), .containerName("web")])
        await #expect(throws: Denial.notReady) { try await attestor.x509Context(of: workload(.container(number: 3))) }
        try identities.add("pod", [.namespace("shop")])
        #expect(await accounts() == ["pod"])
        let wish = try TokenWish(["db"], id: identities.svid("name").svid.id.description)
        await #expect(throws: Denial.notReady) { try await attestor.tokens(of: workload(.container(number: 3)), wish) }
        answer(.known(Self.container("web")))
        #expect(await accounts() == ["name", "pod"])
        identities.remove("pod")
        answer(.unknown)
        await #expect(throws: Denial.noIdentity) { try await attestor.x509Context(of: workload(.container(number: 3))) }
    }

    /// Nobody is asked where no entry that may fit wants to know, or where there is no container.
    @Test func theRuntimeIsAskedOnlyWhereItMatters() async throws {
        try identities.change { $0.pods[3] = try pod() }
        answer(.known(Self.container("web")))
        try identities.add("pod", [.namespace("shop")])
        try identities.add("bank", [.namespace("bank"), .containerName("web")])
        #expect(await accounts() == ["pod"])
        #expect(identities.askedContainers == [])
        try identities.add("web", [.containerName("web")])
        let own = try PeerProcess(processID: UInt32(getpid()))
        _ = try? await attestor.x509Context(of: .process(Caller(process: own, place: .host)))
        #expect(identities.askedContainers == [])
        #expect(await accounts() == ["pod", "web"])
        #expect(identities.askedContainers == [id])
    }

    /// Beside facts that a container can bring about itself, and such as cost more than the runtime's.
    @Test func otherFactsHaveToHoldToo() async throws {
        let user = contained.process.credentials.userID
        let account = try #require(Account.userName(user))
        answer(.known(Self.container("web")))
        try identities.add("user", [.userName(account), .containerName("web")])
        try identities.add("other-user", [.userID(user + 1), .containerName("web")])
        try identities.add("alone", [.userName(account)])
        #expect(await accounts() == ["user"])
    }

    /// A pod by itself is none of its containers.
    @Test func aPodIsNoContainer() async throws {
        answer(.known(Self.container("web")))
        try identities.add("name", [.namespace("shop"), .containerName("web")])
        await #expect(throws: Denial.noIdentity) { try await attestor.x509Context(of: .pod(try pod())) }
    }

    @Test func aProcessThatHasEndedIsInNone() async throws {
        answer(.known(Self.container("web")))
        try identities.add("name", [.containerName("web")])
        contained.end()
        #expect(await accounts() == [])
    }
}
