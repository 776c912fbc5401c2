internal import Glibc
internal import Identity
internal import Issuance
internal import LinuxBinding
internal import OpenSSLBinding

/// What belongs to a copy of the registry. Files are open: they stay what they are, whatever their names lead to afterwards.
struct AuthoritySnapshot {
    struct Key {
        let name: String
        let path: String
        let file: FileDescriptor
    }

    /// Of those in the state directory.
    enum Keys {
        case none
        /// The CAs' are elsewhere.
        case forTokens
        case all
    }

    /// The CA that signs, as `ca.pem` has it.
    let certificate: [UInt8]
    let keys: [Key]
}

extension AuthorityFiles {
    /// Opens the keys that a copy of the registry knows; throws `missing` or `otherAuthority` where files and copy are not of one
    /// moment. A key for tokens that has been lost is no obstacle: a start makes another.
    func snapshot(
        registry path: String, of trustDomain: TrustDomain, keys: AuthoritySnapshot.Keys
    ) throws(AuthorityError) -> AuthoritySnapshot {
        let certificate: [UInt8]
        do throws(SystemError) { certificate = try AtomicFile.read(self.certificate) } catch { throw .stateFile(error) }
        let known = try known(by: path, of: trustDomain, keysAreThere: keys == .all)
        defer { known.registry.close() }
        var paths = keys == .all ? known.authorities.map(keyPath) : []
        if keys != .none {
            do throws(RegistryError) {
                paths += try known.registry.jwtKeysNow().map { jwtKeys.path($0.id) }.filter(exists)
            } catch {
                throw .registry(error)
            }
        }
        var opened: [AuthoritySnapshot.Key] = []
        for path in Set(paths).sorted() { opened.append(try open(path)) }
        return AuthoritySnapshot(certificate: certificate, keys: opened)
    }

    private func open(_ path: String) throws(AuthorityError) -> AuthoritySnapshot.Key {
        do throws(SystemError) {
            let file = try FileDescriptor(opening: path, O_RDONLY | O_NOFOLLOW)
            return AuthoritySnapshot.Key(name: String(path.dropFirst(directory.count + 1)), path: path, file: file)
        } catch {
            guard error.code != ENOENT else { throw .missing(path: path, while: registry) }
            throw .stateFile(error)
        }
    }

    /// Opens a copy of the registry, one that is shared with nobody, and looks whether the CA that is published is one of those that it
    /// knows.
    ///
    /// - Parameter keysAreThere: here; then they fit their certificates.
    func known(
        by path: String, of trustDomain: TrustDomain, keysAreThere: Bool
    ) throws(AuthorityError) -> (registry: Registry, authorities: [Certificate]) {
        let published = try loadChain()[0]
        let registry: Registry
        let rows: [AuthorityRow]
        let isOwn: Bool
        do throws(RegistryError) { isOwn = try Registry.separate(path, forOwnerOf: published.fingerprint) } catch {
            throw .registry(error)
        }
        guard isOwn else { throw .otherAuthority(path: certificate) }
        do throws(RegistryError) {
            registry = try Registry(path: path, trustDomain: trustDomain)
            rows = try registry.authoritiesNow().of(registry.owner)
        } catch {
            throw .registry(error)
        }
        // One of the version before knows of none.
        let authorities = rows.isEmpty ? [published] : rows.map { $0.chain[0] }
        guard authorities.contains(published) else { throw .otherAuthority(path: certificate) }
        if keysAreThere { for authority in authorities { _ = try loadKey(of: authority) } }
        return (registry, authorities)
    }
}
