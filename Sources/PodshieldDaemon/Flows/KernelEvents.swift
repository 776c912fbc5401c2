import Addressing
import Datapath
import Identity
import KeyAgreement
import NodeLink
import Telemetry

/// What the kernel programs report, on its way to the journal; and to the link, where packets wait for it.
struct KernelEvents: Sendable {
    let parts: NodeParts

    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.followPackets() }
            group.addTask { await self.countLost() }
        }
    }

    private func followPackets() async {
        for await event in parts.datapath.events {
            let report = PacketReport(event, parts.names)
            parts.telemetry.record(.packet(report), at: WallClock.nanoseconds(ofBoot: event.bootNanoseconds))
            await act(on: event)
        }
    }

    private func act(on event: DatapathEvent) async {
        if let peer = peerWaitedFor(event) { await parts.link.trafficWaits(for: peer) }
        if event.outcome == .seqExhausted {
            await parts.link.worn(SPI(rawValue: event.spi), of: event.sourceIdentity, to: event.peer)
        }
    }

    /// The node without whose session the packet could not go.
    private func peerWaitedFor(_ event: DatapathEvent) -> NodeNumber? {
        switch event.outcome {
        case .noSession where event.peer.rawValue != 0: event.peer
        // A machine that slept has keys that ended meanwhile, and alarms that did not count the time.
        case .saExpired where event.hook.seals: event.peer
        // Nobody has announced the address to us yet: the one to whom it is leased may, once we speak.
        case .noSession, .unknownDestination: parts.names.directory?.holder(of: event.destination)
        default: nil
        }
    }

    /// Tells of events that the kernel could not.
    private func countLost() async {
        var told = await lost()
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(10))
            let lost = await lost()
            let new = lost - told
            if new > 0 { parts.telemetry.record(.kernelEventsLost(new)) }
            told = lost
        }
    }

    /// Those that were held back by the rate are meant to be.
    private func lost() async -> UInt64 {
        let kernel = try? await parts.datapath.kernelEventsLost()
        return (kernel?.ringFull ?? 0) + parts.datapath.eventsDropped
    }
}

extension DatapathHook {
    /// Whether packets leave here for other nodes.
    fileprivate var seals: Bool { self == .fromPod || self == .toUplink }
}
