import AuthorityAPI
import Foundation
import Identity
import JOSE
import KernelTestSupport
import LinkTestSupport
import LinuxBinding
import Testing

@testable import WorkloadAPI

/// What changes while an SVID or a token is issued, for a process that a test is in charge of.
@Suite(.timeLimit(.minutes(1))) struct MeanwhileTests {
    /// What is asked for.
    enum Profile: CaseIterable { case x509, jwt }

    /// It waits for a line, and becomes another program by it.
    private final class Victim: Sendable {
        let program: RunningProgram
        private let input = Pipe()
        private let output = Pipe()

        init() throws {
            let script = """
                import os, sys
                print("ready", flush=True)
                sys.stdin.readline()
                os.execv("/usr/bin/sleep", ["sleep", "60"])
                """
            program = try RunningProgram(
                ["python3", "-c", script], input: input.fileHandleForReading, output: output.fileHandleForWriting)
            _ = output.fileHandleForReading.availableData
        }

        var executable: String {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(program.processID)/exe")) ?? ""
        }

        func becomeAnother() async {
            let former = executable
            try? input.fileHandleForWriting.write(contentsOf: Data("go\n".utf8))
            #expect(await eventually { executable != former })
        }
    }

    let identities: TestIdentities
    let attestor: Attestor
    private let victim: Victim
    private let workload: Workload

    init() throws {
        identities = try TestIdentities()
        attestor = Attestor(identities)
        victim = try Victim()
        let process = try PeerProcess(processID: UInt32(victim.program.processID))
        workload = .process(Caller(process: process, place: .host))
    }

    /// The accounts of what it is given.
    private func given(_ profile: Profile, _ workload: Workload? = nil) async throws(Denial) -> [String] {
        let workload = workload ?? self.workload
        let ids: [SPIFFEID]
        switch profile {
        case .x509: ids = try await attestor.x509Context(of: workload).svids.map(\.svid.svid.id)
        case .jwt: ids = try await attestor.tokens(of: workload, try TokenWish(["a"], id: "")).map(\.svid.id)
        }
        return ids.map { String($0.path.split(separator: "/").last!) }
    }

    private func former() throws { try identities.add("former", [.executablePath(victim.executable)]) }

    @Test(arguments: Profile.allCases) func aProgramThatHasNotChangedIsGivenWhatItWaitedFor(profile: Profile)
        async throws
    {
        try former()
        identities.duringIssuance {}
        #expect(try await given(profile) == ["former"])
    }

    @Test(arguments: Profile.allCases) func aProgramThatTookAnothersPlaceIsNotGivenItsIdentity(
        profile: Profile
    ) async throws {
        try former()
        identities.duringIssuance { [victim] in await victim.becomeAnother() }
        await #expect(throws: Denial.noIdentity) { try await given(profile) }
    }

    @Test(arguments: Profile.allCases) func itIsGivenItsOwn(profile: Profile) async throws {
        try former()
        identities.duringIssuance { [identities, victim] in
            await victim.becomeAnother()
            try? identities.add("own", [.executablePath(victim.executable)])
        }
        #expect(try await given(profile) == ["own"])
    }

    @Test(arguments: Profile.allCases) func aProcessThatEndsMeanwhileIsGivenNothing(profile: Profile) async throws {
        try former()
        identities.duringIssuance { [victim] in victim.program.end() }
        await #expect(throws: Denial.gone) { try await given(profile) }
    }

    @Test(arguments: Profile.allCases) func anEntryThatGoesMeanwhileGivesNothing(profile: Profile) async throws {
        try former()
        identities.duringIssuance { [identities] in identities.remove("former") }
        await #expect(throws: Denial.noIdentity) { try await given(profile) }
    }

    /// In a container, by what is said of its pod.
    @Test(arguments: Profile.allCases) func aPodThatBecomesAnotherMeanwhileIsNotGivenTheFormers(
        profile: Profile
    ) async throws {
        guard case .process(let caller) = workload else { return }
        let inPod = Workload.process(Caller(process: caller.process, place: .container(number: 3)))
        let label = Selector.podLabel(key: "app", value: "web")
        let (web, db) = (try pod("web"), try pod("db"))
        identities.change { $0.pods[3] = web }
        try identities.add("labelled", [label])
        identities.duringIssuance { [identities] in identities.change { $0.pods[3] = db } }
        await #expect(throws: Denial.noIdentity) { try await given(profile, inPod) }
    }

    private func pod(_ app: String) throws -> KnownPod {
        let facts = try PodFacts(namespace: "shop", serviceAccount: app, name: "pod-0", labels: ["app": app])
        return KnownPod(facts: facts, svid: nil)
    }

    /// Whose facts change with each look is given nothing, and is not looked at for ever.
    @Test(arguments: Profile.allCases) func whatNeverStaysTheSameIsGivenNothing(profile: Profile) async throws {
        try former()
        again(0)
        await #expect(throws: Denial.notReady) { try await given(profile) }
    }

    /// The entry has another hint each time that an SVID is issued by it.
    private func again(_ turn: Int) {
        identities.duringIssuance { [self] in
            identities.change { values in
                values.entries = values.entries?.map {
                    WorkloadEntry(
                        id: $0.id, spiffeID: $0.spiffeID, selectors: $0.selectors, hint: "\(turn)", edition: 2)
                }
            }
            again(turn + 1)
        }
    }
}
