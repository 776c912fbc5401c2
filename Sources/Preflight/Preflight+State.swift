import Authority
import Configuration
import Glibc
import LinuxBinding
import NodeIdentity
import PodState
import Telemetry

extension Preflight {
    func ofState() -> [Obstacle] {
        let paths = configuration.paths
        let own = [paths.state, paths.run].compactMap(directory)
        return own + (configuration.authority.map(ofAuthority) ?? [])
            + (configuration.node == nil ? [] : ofNode() + ofPods())
    }

    /// Little is written, in few files; a file system with less room than this is about to be full.
    static let leastFreeBytes: UInt64 = 4 << 20
    static let leastFreeFiles: UInt64 = 64

    func ofSpace() -> [Obstacle] {
        [configuration.paths.state, configuration.paths.run].compactMap { path in
            if let free = try? MachineState.freeBytes(at: path), free < Self.leastFreeBytes {
                return Obstacle(.spaceMissing, "\(path) has \(free >> 10) KiB of room left")
            }
            if let free = try? MachineState.freeFiles(at: path), free < Self.leastFreeFiles {
                return Obstacle(.spaceMissing, "\(path) has room for \(free) more files, whatever their size")
            }
            return nil
        }
    }

    /// One that is not there will be made.
    private func directory(_ path: String) -> Obstacle? {
        guard unsafe access(path, F_OK) == 0 else { return nil }
        do throws(PrivateFileError) { try PrivateDirectory.check(path) } catch {
            return Obstacle(.init(error), "\(error)")
        }
        return nil
    }

    private func ofAuthority(_ authority: PodshieldConfiguration.Authority) -> [Obstacle] {
        ofAuthorityState(authority) + ofKeyStore(authority.keyStore) + ofUpstream(authority.upstream)
            + ofWitnesses(authority)
    }

    /// Files of those who vouch for the CA, for machines and for a cluster's nodes.
    private func ofWitnesses(_ authority: PodshieldConfiguration.Authority) -> [Obstacle] {
        let files = [
            authority.upstream?.certificateFile, authority.machineCertificates?.caFile, authority.cluster?.caFile,
        ]
        let unread = files.compactMap(\.self).flatMap { path -> [Obstacle] in
            do throws(SystemError) { _ = try AtomicFile.read(path) } catch {
                return [Obstacle(.configurationRefused, "those who vouch cannot be read: \(error)")]
            }
            return []
        }
        return unread + (authority.tpms.map(ofTPMs) ?? [])
    }

    /// A list that makes no sense lets nobody in, and is read only when somebody asks.
    private func ofTPMs(_ tpms: PodshieldConfiguration.TPMs) -> [Obstacle] {
        var obstacles: [Obstacle] = []
        do throws(TPMListFailure) { if let file = tpms.keysFile { _ = try TPMNames(contentsOf: file) } } catch {
            obstacles.append(Obstacle(.configurationRefused, "tpm.keys-file: \(error.reason)"))
        }
        do throws(TPMIssuersError) { if let file = tpms.caFile { _ = try TPMIssuers(contentsOf: file) } } catch {
            obstacles.append(Obstacle(.configurationRefused, "tpm.ca-file: \(error)"))
        }
        return obstacles
    }

    private func ofAuthorityState(_ authority: PodshieldConfiguration.Authority) -> [Obstacle] {
        do throws(AuthorityError) {
            try AuthorityService.inspect(
                stateDirectory: configuration.paths.authorityState, of: configuration.trustDomain,
                keyIsKept: authority.keyStore != .ownFile)
        } catch {
            return [Obstacle(.init(error), "\(error)")]
        }
        return []
    }

    private func ofNode() -> [Obstacle] {
        do throws(NodeStateError) {
            return of(
                try NodeIdentityService.inspect(
                    stateDirectory: configuration.paths.nodeState, of: configuration.trustDomain, now: now))
        } catch {
            return [Obstacle(.init(error), "\(error)")]
        }
    }

    private func ofPods() -> [Obstacle] {
        do throws(PodStoreError) { try PodStore.inspect(directory: configuration.paths.podState) } catch {
            return [Obstacle(.init(error), "\(error)")]
        }
        return []
    }

    /// A node whose authority is in the same process makes its token itself.
    private func of(_ standing: NodeIdentityService.Standing) -> [Obstacle] {
        guard let join = configuration.join else { return [] }
        switch standing {
        case .joined: return toRenew(by: join.credential)
        case .expired where join.credential == nil:
            return [Obstacle(.nodeIdentityExpired, "the node's SVID has expired, and there is no join token")]
        case .notJoined where join.credential == nil:
            return [Obstacle(.notJoined, "this node has not joined, and there is no join token")]
        case .expired, .notJoined: return join.credential.map(files(of:)) ?? []
        }
    }

    /// A node whose TPM let it in renews by it.
    private func toRenew(by credential: PodshieldConfiguration.JoinCredential?) -> [Obstacle] {
        guard let credential, case .tpm = credential else { return [] }
        return files(of: credential).map {
            Obstacle(
                .nodeSVIDRenewalFailed, $0.message,
                remedy: "see that the TPM is there, and that the service has the drop-in tpm.conf")
        }
    }

    private func files(of credential: PodshieldConfiguration.JoinCredential) -> [Obstacle] {
        switch credential {
        case .token(.file(let path)): secret("the join token", path)
        case .token: []
        case .certificate(let file, let key): readable("the machine's certificate", file) + secret(key)
        case .clusterToken(let file): readable("the cluster's token", file)
        case .tpm: credential.tpmDevice.map(tpm) ?? []
        }
    }

    /// Without opening it, which could disturb who uses it.
    private func tpm(_ device: String) -> [Obstacle] {
        do throws(SystemError) {
            try MachineState.checkUsable(device)
            return try service?.obstacles(to: device) ?? []
        } catch {
            return [Obstacle(.notJoined, "the TPM cannot be used: \(error)")]
        }
    }

    private func readable(_ what: String, _ path: String) -> [Obstacle] {
        do throws(SystemError) { _ = try AtomicFile.read(path) } catch {
            return [Obstacle(.notJoined, "\(what) cannot be used: \(error)")]
        }
        return []
    }

    /// Credentials are there only for the service.
    private func secret(_ key: PodshieldConfiguration.SecretSource) -> [Obstacle] {
        guard case .file(let path) = key else { return [] }
        return secret("the key of the machine's certificate", path)
    }

    private func secret(_ what: String, _ path: String) -> [Obstacle] {
        do throws(PrivateFileError) { _ = try PrivateFile(opening: path) } catch {
            return [Obstacle(.notJoined, "\(what) cannot be used: \(error)")]
        }
        return []
    }
}
