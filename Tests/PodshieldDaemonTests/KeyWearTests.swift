import Identity
import Testing

@testable import Configuration
@testable import Datapath
@testable import PodshieldDaemon

@Suite struct KeyWearTests {
    @Test(
        arguments: [
            // packets, bytes, is worn
            (0, 0, false),
            (9_999, 1_048_575, false),
            (10_000, 0, true),
            (10_001, 1_048_575, true),
            (0, 1_048_576, true),
            (9_999, 1_048_577, true),
            (10_000, 1_048_576, true),
            (.max, .max, true),
        ] as [(UInt64, UInt64, Bool)])
    func aKeyIsWornByPacketsOrBytes(_ packets: UInt64, _ bytes: UInt64, _ isWorn: Bool) {
        let limits = PodshieldConfiguration.Link(
            epochLifetime: .seconds(3600), rekeyPackets: 10_000, rekeyBytes: 1_048_576, preconnect: true)
        let parameters = SAParameters(
            spi: 256, peer: NodeNumber(rawValue: 2), identity: NumericIdentity(rawValue: 300), deadline: .max)
        #expect(SAUsage(parameters: parameters, packets: packets, bytes: bytes).isWorn(by: limits) == isWorn)
    }
}
