internal import AuthorityAPI
internal import LinuxBinding
internal import NIOPosix

/// What is true of a caller now. Each thing is found out when it is asked for, and once.
struct Evidence {
    private let caller: Caller
    private let pod: PodFacts?
    private let digests: ExecutableDigests
    private var known: [Selector: Bool] = [:]
    private var executable: Result<ExecutableFile, SystemError>?

    init(_ caller: Caller, pod: PodFacts?, digests: ExecutableDigests) {
        self.caller = caller
        self.pod = pod
        self.digests = digests
    }

    /// Whether all selectors of an entry hold. In a container, one that is given from outside must be among them.
    mutating func fits(_ entry: WorkloadEntry) async -> Bool {
        guard caller.place == .host || entry.selectors.contains(where: \.isGivenFromOutside) else { return false }
        for selector in entry.selectors.sorted(by: { $0.cost < $1.cost }) {
            guard await holds(selector) else { return false }
        }
        return true
    }

    private mutating func holds(_ selector: Selector) async -> Bool {
        if let known = known[selector] { return known }
        let holds = await lookUp(selector)
        known[selector] = holds
        return holds
    }

    private mutating func lookUp(_ selector: Selector) async -> Bool {
        let credentials = caller.process.credentials
        switch selector {
        case .namespace, .serviceAccount, .podName, .podLabel: return pod.map(selector.matches) ?? false
        case .userID(let number): return credentials.userID == number
        case .groupID(let number): return credentials.groupID == number
        case .supplementaryGroupID(let number): return caller.process.groups.contains(number)
        case .userName(let name): return await Self.name { Account.userName(credentials.userID) } == name
        case .groupName(let name): return await Self.name { Account.groupName(credentials.groupID) } == name
        case .systemdUnit(let name): return unit == name
        case .executablePath(let path): return executableFile?.path == path
        case .executableDigest(let digest):
            guard let file = executableFile else { return false }
            return await digests.digest(of: file) == digest
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

extension Selector {
    /// Cheaper ones are asked first: a caller that they do not fit costs no more.
    fileprivate var cost: Int {
        switch self {
        case .executableDigest: 3
        case .userName, .groupName: 2
        case .executablePath, .systemdUnit: 1
        default: 0
        }
    }
}
