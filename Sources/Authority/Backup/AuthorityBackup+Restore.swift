internal import Foundation
internal import Glibc
internal import Identity
internal import Issuance
public import LinuxBinding

/// What has been restored.
public struct RestoredAuthority: Sendable, Equatable {
    /// When the backup was made, in seconds since 1970.
    public let madeAt: Int64
    /// Where the state now is that was there before; nil when there was none.
    public let replaced: String?
}

extension AuthorityBackup {
    /// Puts a backup in the place of the state directory. It is read, compared with its digests, opened as a start opens it, and
    /// numbered on, all beside the directory; what is there stays untouched until all of that has gone well, and is put aside then.
    ///
    /// The caller holds the instance's lock.
    ///
    /// - Parameters:
    ///   - replacing: also where there is an authority.
    ///   - now: seconds since 1970.
    public func restore(
        from input: FileDescriptor, replacing: Bool, now: Int64
    ) throws(BackupError) -> RestoredAuthority {
        let isOccupied = try isOccupied()
        guard replacing || !isOccupied else { throw .occupied(path: files.directory) }
        let stage = files.directory + ".restoring"
        // One that was interrupted: the name is given up before anything is exchanged.
        try remove(stage)
        do throws(PrivateFileError) { try PrivateDirectory.prepare(stage) } catch {
            throw .authority(.directory(error))
        }
        let format: BackupFormat
        do throws(BackupError) { format = try prepare(stage, from: input, now: now) } catch {
            try? remove(stage)
            throw error
        }
        let aside = isOccupied ? "\(files.directory).replaced-\(now)" : nil
        try put(stage, aside: aside)
        return RestoredAuthority(madeAt: format.madeAt, replaced: aside)
    }

    private func isOccupied() throws(BackupError) -> Bool {
        do throws(SystemError) { return try !PrivateDirectory.names(in: files.directory).isEmpty } catch {
            if error.code == ENOENT { return false }
            throw .system(error)
        }
    }

    private func remove(_ directory: String) throws(BackupError) {
        guard files.exists(directory) else { return }
        do { try FileManager.default.removeItem(atPath: directory) } catch {
            throw .system(SystemError(operation: "remove", code: EIO, subject: directory, detail: "\(error)"))
        }
    }

    /// Leaves in `stage` what a start can go on with.
    private func prepare(_ stage: String, from input: FileDescriptor, now: Int64) throws(BackupError) -> BackupFormat {
        let (format, members) = try BackupReader(input: input).extract(into: stage)
        guard format.trustDomain == trustDomain else { throw .foreign(format.trustDomain, own: trustDomain) }
        guard members.isSuperset(of: [.certificate, .registry]) else {
            throw .notABackup("the CA's certificate or the registry is not in it")
        }
        let staged = AuthorityFiles(directory: stage)
        do throws(AuthorityError) {
            try staged.inspect(for: trustDomain, keyIsKept: keyIsKept)
            try go(on: staged, after: now - format.madeAt)
        } catch {
            throw .authority(error)
        }
        do throws(SystemError) { try DirectorySwap.syncParent(of: staged.registry) } catch { throw .system(error) }
        return format
    }

    /// Looks whether all keys fit, and numbers on.
    private func go(on staged: AuthorityFiles, after seconds: Int64) throws(AuthorityError) {
        let known = try staged.known(by: staged.registry, of: trustDomain, keysAreThere: !keyIsKept)
        defer { known.registry.close() }
        let keysForTokens: [KeySchedule.Key]
        do throws(RegistryError) { keysForTokens = try known.registry.jwtKeysNow() } catch { throw .registry(error) }
        // One that is not there is retired by the start.
        for key in keysForTokens { _ = try staged.jwtKeys.load(key, of: trustDomain) }
        do throws(RegistryError) {
            try known.registry.leap(over: seconds, beyond: Registry.numbersGivenOut(in: files.registry))
        } catch {
            throw .registry(error)
        }
    }

    private func put(_ stage: String, aside: String?) throws(BackupError) {
        do throws(SystemError) {
            // In the place of an empty directory, too.
            try DirectorySwap.rename(stage, to: aside ?? files.directory)
        } catch {
            try? remove(stage)
            throw .system(error)
        }
        if let aside {
            do throws(SystemError) { try DirectorySwap.exchange(aside, with: files.directory) } catch {
                try? remove(aside)
                throw .system(error)
            }
        }
        // From here on the old state is at `aside`.
        do throws(SystemError) { try DirectorySwap.syncParent(of: files.directory) } catch { throw .system(error) }
    }
}
