import AuthorityAPI
import ContainerRuntime
import Identity
import JOSE
import LinuxBinding
import NodeIdentity
import PodState
import WorkloadAPI

/// What the Workload API serves: the identities of this node's pods and processes.
struct NodeWorkloads: WorkloadIdentities {
    let identity: NodeIdentityService
    let pods: PodRegistry
    let containers: ContainerRuntime?
    let routes: RouteSocket
    /// Seconds since 1970.
    let now: @Sendable () -> Int64

    init(_ node: NodeRole) throws(SystemError) {
        identity = node.parts.identity
        pods = node.pods
        containers = node.parts.containers
        routes = try RouteSocket()
        now = node.parts.now
    }

    func entries() async -> KnownEntries { await identity.knownEntries }

    func heldSVID(of entry: WorkloadEntry) async -> KeyedSVID? { await identity.heldSVID(of: entry) }

    /// Why there is none, the journal says.
    func svid(of entry: WorkloadEntry) async -> KeyedSVID? { try? await identity.svid(of: entry) }

    /// The pod whose device leads there; of a device that came later under the index of a pod's it is none.
    func pod(inNamespace number: Int32) async -> KnownPod? {
        guard let links = try? routes.links() else { return nil }
        let devices = Set(links.filter { $0.peerNamespace == number }.map(HostDevice.init))
        return await known { await pods.held(by: devices) }
    }

    func pod(_ reference: PodReference) async -> KnownPod? {
        await known { await pods.held(reference) }
    }

    func container(_ id: ContainerID) async -> ContainerKnowledge { await containers?.container(id) ?? .unknown }

    /// The pod and its SVID are asked for one after the other: an SVID that is not for the pod as it was found is for what it has
    /// become meanwhile, and the pod is looked at once more.
    private func known(_ look: () async -> HeldPod?) async -> KnownPod? {
        var found: KnownPod?
        for _ in 0..<2 {
            guard let pod = await look() else { return nil }
            let issued = await identity.workload(pod.record.name)
            let isOwn = issued.map(pod.isFor) ?? true
            let svid = isOwn ? issued.flatMap { $0.svid.svid.notAfter > now() ? $0.svid : nil } : nil
            found = KnownPod(
                facts: pod.record.facts, svid: svid, federatesWith: isOwn ? issued?.federatesWith ?? [] : [],
                instance: "\(pod.instance)", node: await identity.nodeName)
            if isOwn { break }
        }
        return found
    }

    /// Why there is none, the authority's journal says.
    func jwtSVID(of holder: IdentityHolder, audience: JWTAudience) async -> JWTSVID? {
        switch holder {
        case .pod(let pod, _, _): try? await identity.jwtSVID(of: pod.podName, audience: audience)
        case .entry(let entry): try? await identity.jwtSVID(of: entry, audience: audience)
        }
    }

    var bundle: TrustBundle { identity.bundle }
    var jwtBundle: JWTBundle { identity.jwtBundle }
    var foreignBundles: [BundleDocument] { identity.foreignBundles }

    func watch() -> IdentityWatch { identity.watch() }
}
