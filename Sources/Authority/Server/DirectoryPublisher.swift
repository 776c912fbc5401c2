internal import AuthorityAPI
internal import Identity
internal import JOSE
internal import OpenSSLBinding

/// Makes, signs and hands out the directory: once per change, whoever watches.
actor DirectoryPublisher {
    /// A directory on its way to nodes.
    struct Edition: Sendable {
        let directory: Directory
        let bundle: TrustBundle
        let jwtBundle: JWTBundle
        let message: Podshield_Authority_V1_SignedDirectory
        /// Of the SVID that signed.
        fileprivate let signer: String
    }

    private let registry: Registry
    private let trust: PublishedTrust
    private let identity: ServerIdentity
    private let now: @Sendable () -> Int64
    private let published: @Sendable (Directory) -> Void
    private let observe: @Sendable (AuthorityEvent) -> Void

    private var watchers = Watchers()
    /// Counts changes, so that an edition begun before one is not taken for one made after it.
    private var changes = 0
    private var edition: (madeAfter: Int, task: Task<Edition, any Error>)?
    private var newest: UInt64 = 0
    /// Numbers of our lists that the registry has, by the fingerprints of CAs.
    private var shared: [String: UInt64] = [:]
    private var isSharing = false
    /// It was said that the others do not have our lists.
    private var isSharingLate = false

    /// - Parameter published: is told of each directory that is newer than all before.
    init(
        _ registry: Registry, trust: PublishedTrust, identity: ServerIdentity, now: @escaping @Sendable () -> Int64,
        published: @escaping @Sendable (Directory) -> Void = { _ in },
        observe: @escaping @Sendable (AuthorityEvent) -> Void
    ) {
        self.registry = registry
        self.trust = trust
        self.identity = identity
        self.now = now
        self.published = published
        self.observe = observe
    }

    /// Yields at once, and whenever there may be something new; ends with `unwatch`, and when the authority closes.
    func watch() -> (id: UInt64, signals: AsyncStream<Void>) {
        watchers.watch()
    }

    func unwatch(_ id: UInt64) { watchers.unwatch(id) }

    /// To be called after every change of what the directory shows.
    func changed() {
        changes += 1
        watchers.signal()
    }

    /// To be called when watchers have something else to look at.
    func remind() { watchers.signal() }

    func close() { watchers.close() }

    /// The newest edition, signed by an SVID that is in use.
    func current() async throws -> Edition {
        let serial = identity.current.svid.leaf.serialHex
        let found = edition
        if let found, found.madeAfter == changes {
            if let made = try? await found.task.value, made.signer == serial { return made }
            // Of all who waited for one that failed, the first makes another.
            if let edition, edition.madeAfter == changes, edition.task != found.task {
                return try await edition.task.value
            }
        }
        let task = Task { try await make() }
        edition = (changes, task)
        let made = try await task.value
        if made.directory.revision > newest {
            newest = made.directory.revision
            published(made.directory)
        }
        return made
    }

    /// While a step in the life of a CA is under way, which takes no longer than a moment, it waits for its end: registry, CAs and
    /// signer are of one edition.
    private nonisolated func make() async throws -> Edition {
        for _ in 0..<Self.mostTries {
            let signer = identity.current
            let published = try await registry.published(now: now())
            if let bundle = try await trust.publish(
                published.revoked, authorities: published.authorities, foreign: published.foreignLists),
                bundle.authorities.contains(signer.svid.anchor)
            {
                await share(bundle)
                return try edition(published, bundle, signer)
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw AuthorityError.changing
    }

    private static let mostTries = 500

    /// Leaves our lists for others that share the registry, once each and one after another: what is older must not take the place of
    /// what is newer. Tries again what fails, for the others have no list of ours until then.
    private func share(_ bundle: TrustBundle) {
        guard registry.replica != nil, !isSharing, !watchers.isClosed else { return }
        let lists = trust.own(bundle.revocations).filter { $0.number > shared[$0.authority.fingerprint] ?? 0 }
        guard !lists.isEmpty else {
            // The one that was not shared is of a CA that is gone.
            if isSharingLate { observe(.listsShared) }
            isSharingLate = false
            return
        }
        isSharing = true
        Task {
            do throws(RegistryError) {
                try await registry.store(lists)
                for list in lists { shared[list.authority.fingerprint] = list.number }
                if isSharingLate { observe(.listsShared) }
                isSharingLate = false
                changed()
            } catch {
                if !isSharingLate { observe(.listsNotShared(error)) }
                isSharingLate = true
                try? await Task.sleep(for: Self.pauseOfSharing)
            }
            isSharing = false
            share(trust.bundle)
        }
    }

    private static let pauseOfSharing = Duration.seconds(2)

    private nonisolated func edition(
        _ published: Registry.Published, _ bundle: TrustBundle, _ signer: KeyedSVID
    ) throws -> Edition {
        let edition = DirectoryEdition(
            directory: published.directory, bundle: bundle, jwtBundle: published.jwtBundle,
            foreignBundles: published.foreignBundles)
        return Edition(
            directory: published.directory, bundle: bundle, jwtBundle: published.jwtBundle,
            message: try .sign(edition, with: signer), signer: signer.svid.leaf.serialHex)
    }
}
