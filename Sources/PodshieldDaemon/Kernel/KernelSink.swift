import Addressing
import Datapath
import Identity
import KeyAgreement
import NodeLink
import OpenSSLBinding

/// Puts agreed SAs into the kernel's tables.
struct KernelSink: SecurityAssociationSink {
    let datapath: Datapath
    let paths: PeerPaths

    // MARK: SAs

    func reserveInbound(peer: NodeNumber, identity: NumericIdentity) async throws -> SPI {
        SPI(rawValue: try await datapath.reserveInbound(peer: peer, identity: identity))
    }

    func installInbound(_ sa: InboundSA) async throws {
        let parameters = SAParameters(
            spi: sa.spi.rawValue, peer: sa.peer, identity: sa.identity, suite: UInt32(sa.suite.rawValue),
            deadline: sa.deadline)
        try await datapath.installInbound(parameters, key: SAKeyWriter(key: sa.key, salt: sa.salt))
    }

    func installOutbound(_ sa: OutboundSA) async throws {
        let parameters = SAParameters(
            spi: sa.spi.rawValue, peer: sa.peer, identity: sa.identity, suite: UInt32(sa.suite.rawValue),
            deadline: sa.deadline)
        try await datapath.installOutbound(parameters, key: SAKeyWriter(key: sa.key, salt: sa.salt))
    }

    func activateOutbound(spi: SPI, peer: NodeNumber, identity: NumericIdentity) async throws {
        try await datapath.activateOutbound(spi: spi.rawValue, peer: peer, identity: identity)
    }

    func extend(
        spi: SPI, direction: KeyAgreement.SADirection, peer: NodeNumber, deadline: BootNanoseconds
    ) async throws {
        try await datapath.extend(spi: spi.rawValue, KernelDirection(direction), peer: peer, deadline: deadline)
    }

    func retireInbound(spi: SPI) async throws { try await datapath.retireInbound(spi: spi.rawValue) }

    func retireOutbound(peer: NodeNumber, identity: NumericIdentity) async throws {
        try await datapath.retireOutbound(peer: peer, identity: identity)
    }

    func hasReceived(spi: SPI) async -> Bool { (try? await datapath.hasReceived(spi: spi.rawValue)) ?? false }

    // MARK: Addresses and peers

    func bind(peer: NodeNumber, identity: NumericIdentity, addresses: [IPAddress]) async throws {
        try await datapath.bind(peer: peer, identity: identity, addresses: addresses)
    }

    func unbind(peer: NodeNumber, identity: NumericIdentity, addresses: [IPAddress]) async throws {
        try await datapath.unbind(peer: peer, identity: identity, addresses: addresses)
    }

    func setPeer(_ node: NodeNumber, address: IPAddress, espPort: UInt16) async throws {
        let path = try paths.path(to: address)
        try await datapath.setPeer(
            node, address: address, local: path.local, espPort: espPort, mtu: path.mtu)
    }

    func removePeer(_ node: NodeNumber) async throws { try await datapath.removePeer(node) }

    // MARK: Adoption

    func adopted() async -> [KeyAgreement.AdoptedSA] {
        let remotes = (try? await datapath.remoteAddresses()) ?? [:]
        return await datapath.adopted().map { sa in
            let holder = RemoteHolder(peer: sa.parameters.peer, identity: sa.parameters.identity)
            return KeyAgreement.AdoptedSA(
                spi: SPI(rawValue: sa.parameters.spi), direction: KeyAgreement.SADirection(sa.direction),
                peer: sa.parameters.peer, identity: sa.parameters.identity, deadline: sa.parameters.deadline,
                addresses: sa.direction == .inbound ? remotes[holder] ?? [] : [],
                lastUsed: sa.lastUsed == 0 ? nil : sa.lastUsed)
        }
    }
}

extension SAKeyWriter {
    fileprivate init(key: SecretBytes, salt: SecretBytes) {
        unsafe self.init { keyBytes, saltBytes in
            unsafe key.withUnsafeBytes { unsafe keyBytes.copyMemory(from: $0) }
            unsafe salt.withUnsafeBytes { unsafe saltBytes.copyMemory(from: $0) }
        }
    }
}

extension KernelDirection {
    fileprivate init(_ direction: KeyAgreement.SADirection) {
        switch direction {
        case .inbound: self = .inbound
        case .outbound: self = .outbound
        }
    }
}

extension KeyAgreement.SADirection {
    fileprivate init(_ direction: KernelDirection) {
        switch direction {
        case .inbound: self = .inbound
        case .outbound: self = .outbound
        }
    }
}
