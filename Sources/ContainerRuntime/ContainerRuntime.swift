public import AuthorityAPI

/// How much is asked of the container runtime, and how long what it said is kept.
public struct ContainerRuntimeLimits: Sendable {
    /// For an answer.
    public var patience = Duration.seconds(2)
    /// Containers of which something is known; more than a node has.
    public var containers = 4096
    /// For how long a container stays one that the runtime does not have.
    public var unknown = Duration.seconds(5)
    /// Between enquiries after one that had no answer; twice as long each time, up to the latter.
    public var firstPause = Duration.seconds(1)
    public var longestPause = Duration.seconds(10)

    public init() {}
}

/// What becomes of the container runtime.
public enum ContainerRuntimeEvent: Sendable, Equatable {
    /// Of a container, or of any, there is no answer.
    case away(reason: String)
    /// All that was asked has been answered.
    case back
}

/// What the container runtime of this node says of its containers. Each is asked for once, for neither its name nor its image ever
/// changes, and one after another. Who is not answered is told so at once, while it is tried again and again in the background.
public actor ContainerRuntime {
    private let source: RuntimeSource
    private let limits: ContainerRuntimeLimits
    private let observe: @Sendable (ContainerRuntimeEvent) -> Void
    private let answered: @Sendable () -> Void

    private var memory: ContainerMemory
    private var enquiries: [ContainerID: Task<ContainerKnowledge, Never>] = [:]
    private var lastEnquiry: Task<ContainerKnowledge, Never>?
    /// Those that somebody has asked for in vain, the next to be tried first.
    private var unanswered: [ContainerID] = []
    /// Whether nothing is answered at all.
    private var isAway = false
    /// What the observer was told of last.
    private var told = Extent.none

    private enum Extent { case none, some, all }

    private var retrying: Task<Void, Never>?

    /// - Parameters:
    ///   - socket: where the runtime serves CRI.
    ///   - observe: is told when it has no answer, and when it has one again; must not block.
    ///   - answered: is told when something has become known that somebody was told is not; must not block.
    public init(
        socket: String, limits: ContainerRuntimeLimits = ContainerRuntimeLimits(),
        observe: @escaping @Sendable (ContainerRuntimeEvent) -> Void, answered: @escaping @Sendable () -> Void
    ) {
        source = RuntimeSource(socket: socket, patience: limits.patience)
        memory = ContainerMemory(most: limits.containers, unknown: limits.unknown)
        self.limits = limits
        self.observe = observe
        self.answered = answered
    }

    deinit { retrying?.cancel() }

    public func container(_ id: ContainerID) async -> ContainerKnowledge {
        if let known = memory.recall(id) { return known }
        guard !unanswered.contains(id) else { return .unanswered }
        return await (enquiries[id] ?? enquire(id)).value
    }

    private func enquire(_ id: ContainerID) -> Task<ContainerKnowledge, Never> {
        let previous = lastEnquiry
        let enquiry = Task {
            _ = await previous?.value
            return await answer(id)
        }
        (enquiries[id], lastEnquiry) = (enquiry, enquiry)
        return enquiry
    }

    private func answer(_ id: ContainerID) async -> ContainerKnowledge {
        defer { enquiries[id] = nil }
        // Others may have waited in vain meanwhile.
        guard !isAway else { return putOff(id) }
        do throws(RuntimeFailure) {
            return memory.keep(id, try await source.container(id))
        } catch {
            return putOff(id, after: error)
        }
    }

    // MARK: Without an answer

    private func putOff(_ id: ContainerID, after failure: RuntimeFailure? = nil) -> ContainerKnowledge {
        if unanswered.count < limits.containers { unanswered.append(id) }
        if case .away = failure { isAway = true }
        guard let failure else { return .unanswered }
        tell(failure)
        guard retrying == nil else { return .unanswered }
        retrying = Task { [weak self, limits] in
            var pause = limits.firstPause
            repeat {
                try? await Task.sleep(for: pause)
                pause = min(pause * 2, limits.longestPause)
            } while await self?.retry() == false
        }
        return .unanswered
    }

    /// Whether all is answered now.
    private func retry() async -> Bool {
        var count = 0
        for id in unanswered {
            do throws(RuntimeFailure) {
                _ = memory.keep(id, try await source.container(id))
            } catch {
                // One that keeps the runtime busy keeps none of the others from being asked next.
                unanswered.removeAll { $0 == id }
                unanswered.append(id)
                isAway = if case .away = error { count == 0 } else { false }
                guard isAway else { continue }
                tell(error)
                break
            }
            isAway = false
            told = .some
            unanswered.removeAll { $0 == id }
            count += 1
        }
        if count > 0 { answered() }
        guard unanswered.isEmpty else { return false }
        retrying = nil
        told = .none
        observe(.back)
        return true
    }

    /// Once of those that have no answer, and once more when none has.
    private func tell(_ failure: RuntimeFailure) {
        let extent: Extent = if case .away = failure { .all } else { .some }
        guard told == .none || (told == .some && extent == .all) else { return }
        told = extent
        observe(.away(reason: failure.reason))
    }
}
