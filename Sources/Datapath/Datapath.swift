import Addressing
import BPFBinding
import CPodshieldABI
public import Identity
import LinuxBinding

/// The owner of the kernel side of one instance: programs, maps, attachments. The only writer of its maps.
///
/// Everything it makes is pinned and goes on without it; the next `Datapath` of the same instance takes it over.
public actor Datapath {
    /// What programs report. Holds up to 4096; a slow reader loses the newest, counted in `eventsDropped`. For one reader.
    public nonisolated let events: AsyncStream<DatapathEvent>
    nonisolated let eventReader: EventReader

    let settings: DatapathSettings
    let paths: PinPaths
    let maps: MapSet
    let programs: [DatapathHook: BPFProgram]
    var attachments: Attachments
    var inbound: InboundTable
    var outbound: OutboundTable
    var podAddresses: [UInt32: Set<IPAddress>] = [:]
    private let grace: GracePeriod
    private var retirements: [Int: Task<Void, any Error>] = [:]
    private var retirementCount = 0

    /// Loads the programs on new maps or on those that an earlier run of the instance left; wipes keys that are in no use.
    /// Attaches nothing new, yet replaces the programs that are attached.
    public init(_ settings: DatapathSettings) async throws(DatapathError) {
        self.settings = settings
        paths = try PinPaths(bpffs: settings.bpffs, instance: settings.instance)
        let loaded = try LoadedObject(settings, paths)
        maps = loaded.maps
        programs = loaded.programs
        grace = try kernel { () throws(BPFError) in try GracePeriod() }
        attachments = Attachments(paths, settings.attachment)
        inbound = InboundTable(maps, slots: settings.securityAssociations)
        outbound = OutboundTable(maps, slots: settings.securityAssociations)
        (events, eventReader) = try EventReader.start(maps[.events])
        try adoptSecurityAssociations()
        try adoptPods()
        try replacePrograms()
    }

    private func adoptSecurityAssociations() throws(DatapathError) {
        let inboundOrphans = try inbound.adopt()
        let outboundOrphans = try outbound.adopt()
        guard !inboundOrphans.isEmpty || !outboundOrphans.isEmpty else { return }
        try kernel { () throws(BPFError) in try grace.wait() }
        for slot in inboundOrphans { try inbound.wipe(slot) }
        for slot in outboundOrphans { try outbound.wipe(slot) }
    }

    private func replacePrograms() throws(DatapathError) {
        for attachment in try attachments.all() {
            if try attachments.isLive(attachment) {
                try attach(attachment.place.hook, attachment.place.interface)
            } else {
                try attachments.detach(attachment.place)
            }
        }
    }

    func attach(_ hook: DatapathHook, _ interface: UInt32) throws(DatapathError) {
        try attachments.attach(programs[hook]!, at: Attachments.Place(hook: hook, interface: interface))
    }

    func detach(_ hook: DatapathHook, _ interface: UInt32) throws(DatapathError) {
        try attachments.detach(Attachments.Place(hook: hook, interface: interface))
    }
}

// MARK: - Security associations

extension Datapath {
    /// Picks the SPI under which `peer` may send as `identity`. Nothing is published; the SPI is never given again.
    public func reserveInbound(peer: NodeNumber, identity: NumericIdentity) throws(DatapathError) -> UInt32 {
        try inbound.reserve(peer: peer, identity: identity)
    }

    /// Writes the key of a reserved SPI and publishes it: packets open from now on.
    public func installInbound(_ parameters: SAParameters, key: SAKeyWriter) throws(DatapathError) {
        try Self.checkSuite(parameters)
        try inbound.install(parameters, key)
    }

    /// Writes the key; no packet is sealed with it before `activateOutbound`.
    public func installOutbound(_ parameters: SAParameters, key: SAKeyWriter) throws(DatapathError) {
        try Self.checkSuite(parameters)
        guard parameters.spi >= UInt32(PS_SPI_MIN) else { throw .reservedSPI(parameters.spi) }
        try outbound.install(parameters, key)
    }

    /// Packets of `identity` to `peer` are sealed with the installed SA from now on; the keys of the one used until
    /// now, and of those that were installed before and never activated, are overwritten after a grace period (`settle`
    /// waits for that).
    public func activateOutbound(
        spi: UInt32, peer: NodeNumber, identity: NumericIdentity
    ) throws(DatapathError) {
        let flow = OutboundTable.Flow(peer: peer, identity: identity)
        for slot in try outbound.activate(spi: spi, flow) {
            wipeAfterGrace { (datapath) throws(DatapathError) in try datapath.outbound.wipe(slot) }
        }
    }

    /// Moves a deadline. Outbound SPIs are the peers' choice: without `peer`, two that are equal are refused.
    public func extend(
        spi: UInt32, _ direction: SADirection, peer: NodeNumber? = nil, deadline: UInt64
    ) throws(DatapathError) {
        switch direction {
        case .inbound: try inbound.extend(spi, to: deadline)
        case .outbound: try outbound.extend(spi, peer: peer, to: deadline)
        }
    }

    /// No packet of this SPI opens any more; its key is overwritten after a grace period. Also gives back an SPI that was
    /// reserved and never installed. Unknown SPIs are no error.
    public func retireInbound(spi: UInt32) throws(DatapathError) {
        guard let slot = try inbound.unpublish(spi) else { return }
        wipeAfterGrace { (datapath) throws(DatapathError) in try datapath.inbound.wipe(slot) }
    }

    /// No packet of `identity` to `peer` is sealed any more; keys in use or waiting are overwritten after a grace period.
    public func retireOutbound(peer: NodeNumber, identity: NumericIdentity) throws(DatapathError) {
        for slot in try outbound.deactivate(OutboundTable.Flow(peer: peer, identity: identity)) {
            wipeAfterGrace { (datapath) throws(DatapathError) in try datapath.outbound.wipe(slot) }
        }
    }

    /// The same for all identities and peers; one that cannot be retired keeps no other.
    public func retireOutbound() throws(DatapathError) {
        var failure: DatapathError?
        for flow in outbound.flows {
            do throws(DatapathError) { try retireOutbound(peer: flow.peer, identity: flow.identity) } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    /// Whether a packet of this SA has been authenticated yet.
    public func hasReceived(spi: UInt32) throws(DatapathError) -> Bool { try inbound.usage(of: spi).packets > 0 }

    /// What each SA that seals now has carried.
    public func outboundUsage() throws(DatapathError) -> [SAUsage] {
        var usages: [SAUsage] = []
        for (slot, parameters) in outbound.active {
            let usage = try outbound.usage(of: slot)
            usages.append(SAUsage(parameters: parameters, packets: usage.packets, bytes: usage.bytes))
        }
        return usages
    }

    /// What is published, also by an earlier run.
    public func adopted() -> [AdoptedSA] {
        inbound.published.map { _, parameters in
            let usage = try? inbound.usage(of: parameters.spi)
            return AdoptedSA(direction: .inbound, parameters: parameters, lastUsed: usage?.last_ns ?? 0)
        }
            + outbound.active.map { slot, parameters in
                let usage = try? outbound.usage(of: slot)
                return AdoptedSA(direction: .outbound, parameters: parameters, lastUsed: usage?.last_ns ?? 0)
            }
    }

    /// Returns when every key that was retired before the call is overwritten.
    public func settle() async throws(DatapathError) {
        for task in Array(retirements.values) {
            do { try await task.value } catch let error as DatapathError { throw error } catch {
                preconditionFailure("a retirement throws DatapathError only: \(error)")
            }
        }
    }

    private func wipeAfterGrace(_ wipe: @escaping @Sendable (isolated Datapath) throws(DatapathError) -> Void) {
        retirementCount += 1
        let number = retirementCount
        let grace = grace
        retirements[number] = Task {
            defer { retirements[number] = nil }
            do throws(BPFError) { try await grace.elapse() } catch { throw DatapathError.kernel(error) }
            try wipe(self)
        }
    }

    private static func checkSuite(_ parameters: SAParameters) throws(DatapathError) {
        guard parameters.suite == PS_SUITE_CHACHA20_POLY1305.rawValue else {
            throw .unsupportedSuite(parameters.suite)
        }
    }
}
