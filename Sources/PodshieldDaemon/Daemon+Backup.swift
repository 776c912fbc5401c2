internal import Authority
internal import Configuration
internal import FoundationEssentials
internal import Glibc
internal import Identity
internal import LinuxBinding

extension Daemon {
    /// Writes the state of this machine's authority to one file, which is there whole or not at all; also beside a daemon that
    /// runs.
    ///
    /// - Parameters:
    ///   - path: of the configuration.
    ///   - output: `-` for standard output.
    ///   - withKeys: those that the authority keeps itself.
    public static func backUpAuthority(path: String, to output: String, withKeys: Bool) throws(BackupFailure) {
        let (_, backup) = try backup(path)
        // What SQLite puts beside a copy is for its owner alone, too.
        umask(0o077)
        guard output != "-" else {
            return try write(backup, to: standard(STDOUT_FILENO), withKeys: withKeys)
        }
        let temporary = "\(output).new-\(getpid())"
        do throws(BackupFailure) {
            let file = try open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
            try write(backup, to: file, withKeys: withKeys)
            do throws(SystemError) {
                try FileTransfer.sync(file)
                try DirectorySwap.rename(temporary, to: output)
                try DirectorySwap.syncParent(of: output)
            } catch {
                throw .file(error)
            }
        } catch {
            try? AtomicFile.remove(temporary)
            throw error
        }
    }

    /// Puts a backup in the place of this machine's authority, which must not run. Answers what there is to say.
    ///
    /// - Parameters:
    ///   - path: of the configuration.
    ///   - source: `-` for standard input.
    ///   - replacing: also where there is an authority.
    public static func restoreAuthority(
        path: String, from source: String, replacing: Bool
    ) throws(BackupFailure) -> [String] {
        let (configuration, backup) = try backup(path)
        let instance: Instance
        do throws(StartError) { instance = try Instance(configuration.paths) } catch { throw .start(error) }
        defer { withExtendedLifetime(instance) {} }
        let file = source == "-" ? try standard(STDIN_FILENO) : try open(source, O_RDONLY)
        let restored: RestoredAuthority
        do throws(BackupError) {
            restored = try backup.restore(from: file, replacing: replacing, now: WallClock.seconds())
        } catch {
            throw .backup(error)
        }
        let time = Date(timeIntervalSince1970: Double(restored.madeAt)).formatted(.iso8601)
        return ["the authority of \(configuration.trustDomain.name) is as it was at \(time)"]
            + (restored.replaced.map { ["what was there is in \($0), keys and all"] } ?? [])
            + [
                "what was revoked, banned, evicted or tainted since is good again, and what was created or joined since is unknown: "
                    + "do that again, revocations first",
                "its numbers and revisions go on far beyond all that can have been given out; unused join tokens are void",
                "once it runs, make a new backup",
            ]
    }

    private static func backup(
        _ path: String
    ) throws(BackupFailure) -> (PodshieldConfiguration, AuthorityBackup) {
        let configuration: PodshieldConfiguration
        do throws(StartError) { configuration = try load(path) } catch { throw .start(error) }
        guard let authority = configuration.authority else { throw .noAuthority }
        return (
            configuration,
            AuthorityBackup(
                stateDirectory: configuration.paths.authorityState, of: configuration.trustDomain,
                keyIsKept: authority.keyStore != .ownFile)
        )
    }

    private static func write(
        _ backup: AuthorityBackup, to file: FileDescriptor, withKeys: Bool
    ) throws(BackupFailure) {
        do throws(BackupError) {
            try backup.write(to: file, withKeys: withKeys, now: WallClock.seconds())
        } catch {
            throw .backup(error)
        }
    }

    private static func open(_ path: String, _ flags: Int32) throws(BackupFailure) -> FileDescriptor {
        do throws(SystemError) { return try FileDescriptor(opening: path, flags, mode: 0o600) } catch {
            throw .file(error)
        }
    }

    /// One of the streams that this process was started with; it stays open.
    private static func standard(_ stream: Int32) throws(BackupFailure) -> FileDescriptor {
        let copy = dup(stream)
        guard copy >= 0 else { throw .file(SystemError(operation: "dup", code: errno)) }
        return FileDescriptor(owning: copy)
    }
}
