internal import AuthorityAPI
internal import LinuxBinding
internal import NIOPosix

/// What is true of a caller now. Each thing is found out when it is asked for, and once.
struct Evidence {
    private let caller: Caller
    private let pod: PodFacts?
    private let digests: ExecutableDigests
    private var known: [Selector.Kind: Set<Selector>] = [:]
    private var executable: Result<ExecutableFile, SystemError>?

    init(_ caller: Caller, pod: PodFacts?, digests: ExecutableDigests) {
        self.caller = caller
        self.pod = pod
        self.digests = digests
    }

    /// The entries of which all selectors hold, the one that makes the default identity first.
    mutating func fitting(_ entries: EntryIndex) async -> [WorkloadEntry] {
        var fitting: [ListedEntry] = []
        // What lies under a dear one has no other, and so none that is given from outside.
        for kind in entries.kinds where caller.place == .host || !kind.isDear {
            for fact in await facts(kind) {
                for listed in entries.entries(under: fact) where await fits(listed.entry) { fitting.append(listed) }
            }
        }
        return fitting.sorted().map(\.entry)
    }

    /// Whether all selectors of an entry hold. In a container, one that is given from outside must be among them.
    private mutating func fits(_ entry: WorkloadEntry) async -> Bool {
        guard caller.place == .host || entry.selectors.contains(where: \.isGivenFromOutside) else { return false }
        // Cheaper ones are asked first: a caller that they do not fit costs no more.
        for selector in entry.selectors.sorted(by: { $0.kind.cost < $1.kind.cost }) {
            guard await facts(selector.kind).contains(selector) else { return false }
        }
        return true
    }

    private mutating func facts(_ kind: Selector.Kind) async -> Set<Selector> {
        if let known = known[kind] { return known }
        let facts = Set(await lookUp(kind))
        known[kind] = facts
        return facts
    }

    private mutating func lookUp(_ kind: Selector.Kind) async -> [Selector] {
        let credentials = caller.process.credentials
        switch kind {
        case .namespace: return pod.map { [.namespace($0.namespace)] } ?? []
        case .serviceAccount: return pod.map { [.serviceAccount($0.serviceAccount)] } ?? []
        case .podName: return pod.map { [.podName($0.name)] } ?? []
        case .podLabel: return pod?.labels.map { .podLabel(key: $0, value: $1) } ?? []
        case .userID: return [.userID(credentials.userID)]
        case .groupID: return [.groupID(credentials.groupID)]
        case .supplementaryGroupID: return caller.process.groups.map { .supplementaryGroupID($0) }
        case .userName: return await Self.name { Account.userName(credentials.userID) }.map { [.userName($0)] } ?? []
        case .groupName:
            return await Self.name { Account.groupName(credentials.groupID) }.map { [.groupName($0)] } ?? []
        case .systemdUnit: return unit.map { [.systemdUnit($0)] } ?? []
        case .executablePath: return executableFile?.path.map { [.executablePath($0)] } ?? []
        case .executableDigest:
            guard let file = executableFile else { return [] }
            return await digests.digest(of: file).map { [.executableDigest($0)] } ?? []
        }
    }

    /// A directory service may take its time.
    private static func name(_ body: @escaping @Sendable () -> String?) async -> String? {
        (try? await NIOThreadPool.singleton.runIfActive(body)) ?? nil
    }

    private var unit: String? {
        guard let group = try? caller.process.controlGroup() else { return nil }
        return ControlGroup.unit(of: group)
    }

    private var executableFile: ExecutableFile? {
        mutating get {
            let found =
                executable ?? Result { () throws(SystemError) in try caller.process.executable() }
            executable = found
            return try? found.get()
        }
    }
}
