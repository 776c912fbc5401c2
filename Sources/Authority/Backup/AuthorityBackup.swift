internal import Glibc
public import Identity
public import LinuxBinding

/// The state directory of an authority in one file, and back.
public struct AuthorityBackup: Sendable {
    let files: AuthorityFiles
    let trustDomain: TrustDomain
    /// The CA's key is somebody else's, who has copies of their own.
    let keyIsKept: Bool

    public var stateDirectory: String { files.directory }

    public init(stateDirectory: String, of trustDomain: TrustDomain, keyIsKept: Bool) {
        files = AuthorityFiles(directory: stateDirectory)
        self.trustDomain = trustDomain
        self.keyIsKept = keyIsKept
    }

    // A change of the keys takes a moment; files and registry are then not of one.
    private static let tries = 20
    /// In microseconds.
    private static let pause: UInt32 = 250_000

    /// Writes a backup of one moment, also while the authority runs.
    ///
    /// - Parameters:
    ///   - withKeys: those of the state directory. Only an authority whose CA's key is elsewhere can do without.
    ///   - now: seconds since 1970.
    public func write(to output: FileDescriptor, withKeys: Bool, now: Int64) throws(BackupError) {
        guard withKeys || keyIsKept else { throw .keysAreHere(path: files.directory) }
        let copy = "\(files.registry).new-backup-\(getpid())"
        defer { Self.remove(copy) }
        let snapshot = try snapshot(copy, withKeys: withKeys)
        guard snapshot.keys.count <= BackupMember.mostKeys else { throw .tooManyKeys(snapshot.keys.count) }
        var writer = BackupWriter(output, time: now)
        try writer.write(.format, Array(BackupFormat(trustDomain: trustDomain, madeAt: now).text.utf8))
        try writer.write(.certificate, snapshot.certificate)
        for key in snapshot.keys { try writer.write(.key(key.name), file: key.file, path: key.path) }
        let registry: FileDescriptor
        do throws(SystemError) { registry = try FileDescriptor(opening: copy) } catch { throw .system(error) }
        try writer.write(.registry, file: registry, path: copy)
        try writer.finish()
    }

    private func snapshot(_ copy: String, withKeys: Bool) throws(BackupError) -> AuthoritySnapshot {
        for _ in 1..<Self.tries {
            do throws(AuthorityError) { return try snapshotNow(copy, withKeys: withKeys) } catch {
                switch error {
                case .missing, .otherAuthority: usleep(Self.pause)
                default: throw .authority(error)
                }
            }
        }
        do throws(AuthorityError) { return try snapshotNow(copy, withKeys: withKeys) } catch { throw .authority(error) }
    }

    private func snapshotNow(_ copy: String, withKeys: Bool) throws(AuthorityError) -> AuthoritySnapshot {
        Self.remove(copy)
        do throws(RegistryError) { try Registry.copy(files.registry, to: copy) } catch { throw .registry(error) }
        return try files.snapshot(
            registry: copy, of: trustDomain, keys: !withKeys ? .none : keyIsKept ? .forTokens : .all)
    }

    /// With what SQLite keeps beside it.
    private static func remove(_ registry: String) {
        for suffix in ["", "-wal", "-shm"] { try? AtomicFile.remove(registry + suffix) }
    }
}
