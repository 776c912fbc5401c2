import Datapath
import Glibc
import LinuxBinding
import Telemetry

/// Gives up what a copy of this machine must not use again, when the machine turns out to be one: the sequence numbers of its
/// keys, and the state of random generators and TLS connections in memory.
struct CopiedMachine: Sendable {
    let changes: AsyncStream<Void>
    /// Nil without a node.
    let datapath: Datapath?
    let telemetry: Telemetry
    /// At once: an orderly stop would say goodbye on connections whose keys the original goes on with.
    var end: @Sendable () -> Void = { _exit(EXIT_FAILURE) }

    /// Packets to other nodes drop until the daemon has started again and agreed on new keys.
    func run() async {
        for await _ in changes {
            // It ends whatever comes of this: an orderly stop is what it must not come to.
            try? await datapath?.retireOutbound()
            try? await datapath?.settle()
            telemetry.record(.machineCopied)
            telemetry.flush()
            return end()
        }
    }
}
