internal import AuthorityAPI
internal import LinuxBinding
internal import PatientThreads

/// What is true of a workload now. Each thing is found out when it is asked for, and once.
struct Evidence {
    /// Whether more may be true than could be found out.
    private(set) var isPartial = false
    /// Whether somebody else was asked, whose answer may have taken its time.
    private(set) var hasAsked = false
    /// Nil for a pod by itself, of which there are no facts of a process.
    private let caller: Caller?
    private let pod: PodFacts?
    /// Of the node that the pod is on.
    private let nodeName: String?
    private let identities: any WorkloadIdentities
    private let digests: ExecutableDigests
    private var known: [Selector.Kind: Set<Selector>] = [:]
    private var executable: Result<ExecutableFile, SystemError>?
    /// Name and images are of one container, whatever becomes of the process in between.
    private var container: [Selector]?

    init(_ workload: Workload, pod: KnownPod?, identities: any WorkloadIdentities, digests: ExecutableDigests) {
        if case .process(let caller) = workload { self.caller = caller } else { caller = nil }
        self.pod = pod?.facts
        nodeName = pod?.node
        self.identities = identities
        self.digests = digests
    }

    /// The entries of which all selectors hold, the one that makes the default identity first.
    mutating func fitting(_ entries: EntryIndex) async -> [WorkloadEntry] {
        var fitting: [ListedEntry] = []
        // What lies under a dear one that is not given from outside has no other that is.
        for kind in entries.kinds where isOnHost || kind.isGivenFromOutside || !kind.isDear {
            for fact in await facts(kind) {
                for listed in entries.entries(under: fact) where await fits(listed.entry) { fitting.append(listed) }
            }
        }
        return fitting.sorted().map(\.entry)
    }

    /// Whether all selectors of an entry hold. In a container, one that is given from outside must be among them.
    private mutating func fits(_ entry: WorkloadEntry) async -> Bool {
        guard isOnHost || entry.selectors.contains(where: \.kind.isGivenFromOutside) else { return false }
        // Cheaper ones are asked first: a caller that they do not fit costs no more.
        for selector in entry.selectors.sorted(by: { $0.kind.cost < $1.kind.cost }) {
            guard await facts(selector.kind).contains(selector) else { return false }
        }
        return true
    }

    private var isOnHost: Bool { caller?.place == .host }

    private mutating func facts(_ kind: Selector.Kind) async -> Set<Selector> {
        if let known = known[kind] { return known }
        let facts = Set(await lookUp(kind))
        known[kind] = facts
        return facts
    }

    private mutating func lookUp(_ kind: Selector.Kind) async -> [Selector] {
        switch kind {
        case .namespace: return pod.map { [.namespace($0.namespace)] } ?? []
        case .serviceAccount: return pod.map { [.serviceAccount($0.serviceAccount)] } ?? []
        case .podName: return pod.map { [.podName($0.name)] } ?? []
        case .podUID: return pod?.uid.map { [.podUID($0)] } ?? []
        case .podLabel: return pod?.labels.map { .podLabel(key: $0, value: $1) } ?? []
        case .nodeName: return nodeName.map { [.nodeName($0)] } ?? []
        case .containerName, .containerImage: return await containerFacts().filter { $0.kind == kind }
        default:
            guard let process = caller?.process else { return [] }
            return await lookUp(kind, of: process)
        }
    }

    private mutating func lookUp(_ kind: Selector.Kind, of process: PeerProcess) async -> [Selector] {
        let (user, group) = (process.credentials.userID, process.credentials.groupID)
        switch kind {
        case .userID: return [.userID(user)]
        case .groupID: return [.groupID(group)]
        case .supplementaryGroupID: return process.groups.map { .supplementaryGroupID($0) }
        case .userName: return await Self.name { Account.userName(user) }.map { [.userName($0)] } ?? []
        case .groupName: return await Self.name { Account.groupName(group) }.map { [.groupName($0)] } ?? []
        case .systemdUnit: return Self.unit(of: process).map { [.systemdUnit($0)] } ?? []
        case .executablePath: return executableFile(of: process)?.path.map { [.executablePath($0)] } ?? []
        case .executableDigest:
            guard let file = executableFile(of: process) else { return [] }
            return await digests.digest(of: file).map { [.executableDigest($0)] } ?? []
        case .namespace, .serviceAccount, .podName, .podUID, .podLabel, .nodeName, .containerName, .containerImage:
            return []
        }
    }

    /// A directory service may take its time.
    private static func name(_ body: @escaping @Sendable () -> String?) async -> String? {
        await directories.result(of: body).flatMap { $0.get() }
    }

    private static let directories = PatientThreads(4)

    /// Of the container that its runtime has put it into: of the pod that the network namespace is of, where that is one of ours.
    private mutating func containerFacts() async -> [Selector] {
        if let container { return container }
        let found = await findContainer()
        container = found
        return found
    }

    private mutating func findContainer() async -> [Selector] {
        guard let process = caller?.process, let id = Self.container(of: process) else { return [] }
        hasAsked = true
        switch await identities.container(id) {
        case .unknown: return []
        case .unanswered:
            isPartial = true
            return []
        case .known(let container):
            // An answer may take its time, in which a process can be moved.
            guard Self.container(of: process) == id, pod.map(container.isPart) ?? true else { return [] }
            let name = container.name.map { [Selector.containerName($0)] } ?? []
            return name + container.images.map { .containerImage($0) }
        }
    }

    private static func container(of process: PeerProcess) -> ContainerID? {
        (try? process.controlGroup()).flatMap { ContainerID(controlGroup: $0) }
    }

    private static func unit(of process: PeerProcess) -> String? {
        guard let group = try? process.controlGroup() else { return nil }
        return ControlGroup.unit(of: group)
    }

    private mutating func executableFile(of process: PeerProcess) -> ExecutableFile? {
        let found = executable ?? Result { () throws(SystemError) in try process.executable() }
        executable = found
        return try? found.get()
    }
}
