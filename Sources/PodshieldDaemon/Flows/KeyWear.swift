import Configuration
import Datapath
import Identity
import KeyAgreement
import NodeLink

/// Watches how much each key has carried, and has new ones agreed on long before the kernel would have to drop.
struct KeyWear: Sendable {
    let parts: NodeParts
    let limits: PodshieldConfiguration.Link

    func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.interval)
            for usage in (try? await parts.datapath.outboundUsage()) ?? [] where usage.isWorn(by: limits) {
                let sa = usage.parameters
                await parts.link.worn(SPI(rawValue: sa.spi), of: sa.identity, to: sa.peer)
            }
        }
    }

    /// In it not even small packets at the highest rates use up what lies between the limits and the kernel's own.
    private static let interval = Duration.seconds(2)
}

extension SAUsage {
    func isWorn(by limits: PodshieldConfiguration.Link) -> Bool {
        packets >= UInt64(limits.rekeyPackets) || bytes >= UInt64(limits.rekeyBytes)
    }
}
