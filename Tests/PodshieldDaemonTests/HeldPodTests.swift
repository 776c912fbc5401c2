import AuthorityAPI
import NetnsProtocol
import NodeIdentity
import PodState
import Testing
import WorkloadAPI

@testable import PodshieldDaemon

/// Which pod is meant.
@Suite struct HeldPodTests {
    private static let uid = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
    private static let other = "0fa1b2c3-4d5e-6f70-8192-a3b4c5d6e7f8"

    private func pods(_ records: PodRecord...) -> [PodName: HeldPod] {
        Dictionary(uniqueKeysWithValues: records.map { ($0.name, HeldPod(record: $0)) })
    }

    private func reference(_ name: String?, uid: String? = nil) -> PodReference {
        PodReference(
            name: name.map { PodReference.Name(namespace: "shop", name: $0) }, uid: uid.flatMap(PodUID.init))
    }

    @Test func aPodIsFoundByNameByUIDAndByBoth() throws {
        let pods = pods(try podRecord(uid: Self.uid), try podRecord("db-0", index: 8))
        for found in [reference("web-0"), reference(nil, uid: Self.uid), reference("web-0", uid: Self.uid)] {
            #expect(pods.pod(found)?.record.name.name == "web-0")
        }
        #expect(pods.pod(reference("db-0"))?.record.name.name == "db-0")
        for missing in [
            reference("other-0"), reference(nil, uid: Self.other), reference("web-0", uid: Self.other),
            reference("db-0", uid: Self.uid), reference("db-0", uid: Self.other),
        ] {
            #expect(pods.pod(missing) == nil)
        }
    }

    /// Two pods with one UID, as an earlier version let them: nobody can say which is meant.
    @Test func aUIDOfTwoPodsIsNobodys() throws {
        let pods = pods(try podRecord(uid: Self.uid), try podRecord("db-0", index: 8, uid: Self.uid))
        #expect(pods.pod(reference(nil, uid: Self.uid)) == nil)
        #expect(pods.pod(reference("db-0", uid: Self.uid))?.record.name.name == "db-0")
    }

    @Test func aUIDHasOneHolder() throws {
        let web = try podRecord(uid: Self.uid)
        let pods = pods(web, try podRecord("db-0", index: 8))
        #expect(pods.holder(of: PodUID(Self.uid), beside: try podRecord("db-0").name) == web.name)
        #expect(pods.holder(of: PodUID(Self.uid), beside: web.name) == nil)
        #expect(pods.holder(of: PodUID(Self.other), beside: web.name) == nil)
        #expect(pods.holder(of: nil, beside: web.name) == nil)
    }

    /// Even with the name and the device of the first, and within the same second.
    @Test func aPodThatIsTakenOnAgainIsAnother() throws {
        let record = try podRecord()
        #expect(HeldPod(record: record).instance != HeldPod(record: record).instance)
        var pod = HeldPod(record: record)
        let instance = pod.instance
        pod.record.facts = pod.record.facts.keeping(PodUID(Self.uid))
        #expect(pod.instance == instance)
    }

    /// The same pod again, with and without what is known already.
    @Test func aUIDNeedNotBeSaidAgain() throws {
        func request(_ uid: String?) throws -> PodRequest {
            let record = try podRecord(uid: uid)
            return PodRequest(facts: record.facts, namespace: record.namespace, interface: nil)
        }
        let (known, unknown) = (try podRecord(uid: Self.uid), try podRecord())
        for same in [try request(Self.uid), try request(nil)] {
            #expect(known.isSame(as: same) && unknown.isSame(as: same))
        }
        let other = try request(Self.other)
        #expect(!known.isSame(as: other))
    }

    /// Labels may change while a pod lives; its service account may not.
    @Test(
        arguments: [("web", ["app": "other"], true), ("web", [:], true), ("other", ["app": "web"], false)]
            as [(String, [String: String], Bool)])
    func aPodWithOtherLabelsIsTheSame(account: String, labels: [String: String], isSame: Bool) throws {
        let record = try podRecord()
        let facts = try PodFacts(
            namespace: record.name.namespace, serviceAccount: account, name: record.name.name, labels: labels)
        let request = PodRequest(facts: facts, namespace: record.namespace, interface: record.interface)
        #expect(record.isSame(as: request) == isSame)
    }
}
