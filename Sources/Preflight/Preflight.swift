public import Configuration
import Datapath
import LinuxBinding
import Telemetry

/// What would keep a daemon with this configuration from starting, found without starting it and without a change to
/// anything. The checks are those of the start itself, called one by one.
public struct Preflight: Sendable {
    let configuration: PodshieldConfiguration
    /// Seconds since 1970.
    let now: Int64
    /// What systemd lets the daemon do; nil where it does not start it.
    let service: InstalledService?

    /// - Parameter units: systemd.unit(5): the directories of units, the first goes before the others.
    public init(
        _ configuration: PodshieldConfiguration, now: Int64,
        units: [String] = [
            "/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
        ]
    ) {
        self.configuration = configuration
        self.now = now
        service = InstalledService("podshield-idd.service", in: units)
    }

    /// What holds whether a daemon runs or not: the kernel, the programs' file, the state, the room for it, the clock.
    public func ofMachine() -> [Obstacle] { ofKernel() + ofState() + ofSpace() + ofHelper() + ofClock() }

    /// What a running daemon itself has taken, or says: the instance, addresses, ports and devices.
    public func ofDaemonsPlaces() -> [Obstacle] { ofInstance() + ofPorts() + ofUplinks() }

    private func ofKernel() -> [Obstacle] {
        guard let node = configuration.node else { return [] }
        return Datapath.obstacles(DatapathSettings(node.datapath, configuration)).map { Obstacle(.init($0), "\($0)") }
    }

    private func ofClock() -> [Obstacle] {
        guard !MachineState.isClockSynchronized else { return [] }
        return [Obstacle(.clockSkewed, "no time service keeps this machine's clock", isError: false)]
    }
}
