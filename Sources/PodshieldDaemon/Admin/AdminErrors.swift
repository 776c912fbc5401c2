package import AdminAPI
package import Authority
import Datapath
import NetnsProtocol
import NodeIdentity

// What the errors of the services mean to who asked on the admin socket.

extension AdminError {
    init(_ error: PodError) {
        switch error {
        case .exists(let name): self.init(.alreadyExists, "\(error)", subject: name.name)
        case .notFound(let name, let nearest): self.init(.notFound, "\(error)", subject: name, nearest: nearest)
        case .ambiguous(let name, _): self.init(.invalid, "\(error)", subject: name)
        case .network(_, let network): self.init(AdminErrorReason(network), "\(error)")
        case .noAddress, .unprotected, .tooManyAddresses, .deviceGone: self.init(.precondition, "\(error)")
        case .deviceHeld, .uidHeld: self.init(.alreadyExists, "\(error)")
        case .datapath(_, let datapath): self.init(AdminErrorReason(datapath), "\(error)")
        case .store: self.init(.internal, "\(error)")
        case .withoutIdentity(_, let call), .notRenewed(_, let call): self.init(AdminErrorReason(call), "\(error)")
        }
    }

    package init(_ error: EntryError) {
        switch error {
        case .notFound(let entry): self.init(.notFound, "\(error)", subject: entry)
        case .duplicate(let entry): self.init(.alreadyExists, "\(error)", subject: entry)
        case .registry(.directoryFull): self.init(.exhausted, "\(error)")
        case .registry: self.init(.internal, "\(error)")
        default: self.init(.invalid, "\(error)")
        }
    }

    init(_ error: InvitationError) {
        switch error {
        case .badNodeName(let name): self.init(.invalid, "\(error)", subject: name)
        case .badLifetime: self.init(.invalid, "\(error)")
        case .openSSL, .registry: self.init(.internal, "\(error)")
        }
    }
}

extension AdminErrorReason {
    fileprivate init(_ error: AuthorityCallError) {
        switch error {
        case .notJoined, .tpmNeeded, .tpm: self = .precondition
        case .unreachable, .cutOff, .superseded: self = .unavailable
        case .denied, .notAMember, .joinedAgain, .notRegistered: self = .denied
        case .rejected: self = .invalid
        case .overloaded: self = .exhausted
        case .badAnswer, .openSSL: self = .internal
        }
    }

    fileprivate init(_ error: PodNetworkError) {
        switch error.code {
        case .badRequest, .pathNotAllowed: self = .invalid
        case .notANamespace, .ownNamespace, .noInterface, .peerElsewhere: self = .precondition
        case .system: self = .internal
        case .noAnswer: self = .unavailable
        }
    }

    init(_ error: DatapathError) {
        switch error {
        case .tableFull, .mapFull: self = .exhausted
        case .localAddressHeld: self = .alreadyExists
        default: self = .internal
        }
    }
}
