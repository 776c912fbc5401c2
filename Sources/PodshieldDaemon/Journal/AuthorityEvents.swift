import Addressing
import Authority
import AuthorityAPI
import Federation
import Identity
import Telemetry

extension Event {
    init(_ event: AuthorityEvent) {
        switch event {
        case .listening(let address): self = .authorityListening(address: address)
        case .connectionRefused(let peer, let error): self = .connectionRefused(address: peer, reason: "\(error)")
        case .nodeConnectionRefused(let node, let refusal):
            self = .connectionRefused(address: "\(node)", reason: "\(refusal)")
        case .flood(let source):
            self = .connectionRefused(address: source, reason: "too many connections; more are closed unheard")
        case .tokenGenerated(let node, let expiresAt): self = .tokenGenerated(node: node, expiresAt: expiresAt)
        case .joined(let node):
            self = .nodeAdmitted(
                node.name, spiffeID: "\(node.id)", number: node.number.rawValue, address: "\(node.endpoint.address)",
                by: node.attestation.method)
        case .joinRefused(let peer, .registry(.directoryFull(let shortage))):
            self = .directoryFull(asker: peer, reason: "\(RegistryError.directoryFull(shortage))")
        case .joinRefused(let peer, let refusal): self = .joinRefused(address: peer, reason: "\(refusal)")
        case .nodeRenewed(let id, let serial): self = .nodeSVIDIssued(spiffeID: "\(id)", serial: serial)
        case .nodeBanned(let id): self = .nodeBanned(spiffeID: "\(id)")
        case .nodeEvicted(let id): self = .nodeEvicted(spiffeID: "\(id)")
        case .revoked(let subject, let reason, let user, let certificates):
            self = .revoked("\(subject)", reason: reason.rawValue, user: user, certificates: certificates)
        case .revocationLifted(let subject, let user): self = .revocationLifted("\(subject)", user: user)
        case .entryCreated(let entry):
            self = .entryCreated(
                entry.id, spiffeID: "\(entry.spiffeID)", parent: entry.parent.map { "\($0)" })
        case .entryUpdated(let entry):
            self = .entryUpdated(
                entry.id, spiffeID: "\(entry.spiffeID)", parent: entry.parent.map { "\($0)" })
        case .entryDeleted(let entry): self = .entryDeleted(entry.id, spiffeID: "\(entry.spiffeID)")
        case .workloadIssued(let issued): self = Event(issued)
        case .callRefused(let caller, .registry(.directoryFull(let shortage))):
            self = .directoryFull(
                asker: caller.map { "\($0)" }, reason: "\(RegistryError.directoryFull(shortage))")
        case .downstreamListening(let address): self = .downstreamListening(address: address)
        case .downstreamSigned(let signed):
            self = .downstreamSigned(
                spiffeID: "\(signed.id)", entry: signed.entry, serial: signed.serial, notAfter: signed.notAfter)
        case .downstreamKeyPublished(let key):
            self = .downstreamKeyPublished(
                spiffeID: "\(key.id)", entry: key.entry, keyID: key.keyID, notAfter: key.notAfter)
        case .downstreamRefused(let caller, let refusal):
            self = .downstreamRefused(spiffeID: caller.map { "\($0)" }, reason: "\(refusal)")
        case .callRefused(let caller, let refusal):
            self = .callRefused(caller: caller.map { "\($0)" }, reason: "\(refusal)")
        case .leaseTakenOver(let prefix, let node, let other):
            self = .leaseTakenOver(prefix: "\(prefix)", by: node.rawValue, from: other.rawValue)
        case .leasesRefused(let prefixes, let node):
            self = .leasesRefused(prefixes: prefixes.map(\.description), node: "\(node)")
        case .serverRenewed(let serial): self = .serverSVIDRenewed(serial: serial)
        case .serverRenewalFailed(let error): self = .serverSVIDRenewalFailed(reason: "\(error)")
        case .keyAway(let error): self = .caKeyAway(reason: "\(error)")
        case .keyBack: self = .caKeyBack
        case .authorityPrepared(let fingerprint, let notAfter):
            self = .caPrepared(fingerprint: fingerprint, notAfter: notAfter)
        case .authorityActivated(let fingerprint): self = .caActivated(fingerprint: fingerprint)
        case .authorityTainted(let fingerprint): self = .caTainted(fingerprint: fingerprint)
        case .authorityRevoked(let fingerprint): self = .caRevoked(fingerprint: fingerprint)
        case .authorityRemoved(let fingerprint): self = .caRemoved(fingerprint: fingerprint)
        case .rootsAboveChanged(let fingerprints): self = .rootsAboveChanged(fingerprints: fingerprints)
        case .keysAboveFailed(let reason): self = .keysAboveFailed(reason: reason)
        case .successionFailed(let error): self = .caSuccessionFailed(reason: "\(error)")
        case .sharingInterrupted(let error): self = .sharingInterrupted(reason: "\(error)")
        case .sharingRestored: self = .sharingRestored
        case .listsNotShared(let error): self = .listsNotShared(reason: "\(error)")
        case .listsShared: self = .listsShared
        case .federationBegun(let relationship):
            self = .federationBegun(
                with: "\(relationship.trustDomain)", url: relationship.url.text, profile: relationship.profile.name)
        case .federationEnded(let trustDomain): self = .federationEnded(with: "\(trustDomain)")
        case .federationFailed(let trustDomain, let error):
            self = .federationFailed(with: "\(trustDomain)", reason: "\(error)")
        case .federationRestored(let trustDomain): self = .federationRestored(with: "\(trustDomain)")
        case .foreignBundleChanged(let trustDomain, let sequence):
            self = .foreignBundleChanged(of: "\(trustDomain)", sequence: sequence)
        case .foreignBundleDeleted(let trustDomain): self = .foreignBundleDeleted(of: "\(trustDomain)")
        case .jwtIssued(let issued): self = Event(issued)
        case .jwtKeyPrepared(let keyID, let notAfter): self = .jwtKeyPrepared(keyID: keyID, notAfter: notAfter)
        case .jwtKeyActivated(let keyID): self = .jwtKeyActivated(keyID: keyID)
        case .jwtKeyRemoved(let keyID): self = .jwtKeyRemoved(keyID: keyID)
        case .jwtKeyTainted(let keyID): self = .jwtKeyTainted(keyID: keyID)
        case .jwtKeyRevoked(let keyID): self = .jwtKeyRevoked(keyID: keyID)
        case .jwtKeyLost(let path): self = .jwtKeyLost(path: path)
        case .jwtKeysFailed(let error): self = .jwtKeysFailed(reason: "\(error)")
        }
    }

    private init(_ issued: IssuedCertificate) {
        let svid = IssuedSVID(
            spiffeID: "\(issued.id)", identity: issued.identity.rawValue, serial: issued.serial,
            notAfter: issued.notAfter)
        switch issued.subject {
        case .pod(let pod):
            self = .workloadSVIDIssued(svid, node: "\(issued.node)", pod: pod.name, namespace: pod.namespace)
        case .entry(let id): self = .workloadSVIDIssued(svid, node: "\(issued.node)", entry: id)
        }
    }

    private init(_ issued: IssuedJWT) {
        let svid = SignedJWT(
            spiffeID: "\(issued.id)", audience: issued.audience, expiresAt: issued.expiresAt, keyID: issued.keyID)
        switch issued.subject {
        case .pod(let pod):
            self = .jwtSVIDIssued(svid, node: "\(issued.node)", pod: pod.name, namespace: pod.namespace)
        case .entry(let id): self = .jwtSVIDIssued(svid, node: "\(issued.node)", entry: id)
        }
    }
}
