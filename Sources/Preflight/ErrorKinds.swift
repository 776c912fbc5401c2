public import Authority
public import Datapath
import Glibc
import Issuance
public import LinuxBinding
public import NodeIdentity
public import PodState
public import Telemetry

// Under which code it is found why something cannot be used.

extension EventKind {
    /// - Parameter fallback: what it is unless the error says by itself.
    public init(_ error: SystemError, otherwise fallback: EventKind = .startFailed) {
        switch error.code {
        case ENOSPC, EDQUOT: self = .spaceMissing
        case EWOULDBLOCK: self = .instanceHeld
        case EROFS: self = .stateRefused
        case EADDRINUSE, EADDRNOTAVAIL: self = .addressRefused
        default: self = fallback
        }
    }

    public init(_ error: PrivateFileError) {
        if case .system(let error) = error {
            self.init(error, otherwise: .stateRefused)
        } else {
            self = .stateRefused
        }
    }

    public init(_ error: AuthorityError) {
        switch error {
        case .directory(let error), .keyFile(let error): self.init(error)
        case .stateFile(let error): self.init(error, otherwise: .stateRefused)
        case .registry(.noSpace): self = .spaceMissing
        case .registry(.locked): self = .instanceHeld
        case .missing, .keyInTwoPlaces, .unreadable, .otherAuthority, .registry: self = .stateRefused
        case .keyStore, .issuance(.signing): self = .caKeyAway
        case .federation(.registry(let error)): self.init(AuthorityError.registry(error))
        case .ownRootVouchesForMachines, .noRoomBelow, .federation: self = .configurationRefused
        case .upstreamKey, .upstream: self = .caKeyAway
        case .cannotListen: self = .addressRefused
        case .issuance, .changing, .serverFailed: self = .startFailed
        }
    }

    public init(_ error: NodeStateError) {
        switch error {
        case .directory(let error), .privateFile(let error): self.init(error)
        case .file(let error): self.init(error, otherwise: .stateRefused)
        case .unreadable, .sealed: self = .stateRefused
        }
    }

    public init(_ error: PodStoreError) {
        switch error {
        case .directory(let error): self.init(error)
        case .file(let error): self.init(error, otherwise: .stateRefused)
        case .unreadable, .unknownVersion, .nonsense: self = .stateRefused
        }
    }

    public init(_ error: DatapathError) {
        switch error {
        case .kernelTooOld: self = .kernelTooOld
        case .kernelTypesMissing: self = .kernelTypesMissing
        case .missingCapabilities: self = .capabilitiesMissing
        case .notBPFFS: self = .bpffsMissing
        case .badInstanceName, .badTableSize, .badMarkMask: self = .configurationRefused
        case .kernel, .objectMismatch, .objectLacks, .pinnedMapMismatch, .pinnedABIVersion: self = .programsRefused
        case .tableFull, .mapFull: self = .tableFull
        case .system(let error): self.init(error, otherwise: .datapathFailed)
        default: self = .datapathFailed
        }
    }
}
