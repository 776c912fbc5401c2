import LinuxBinding
import Telemetry

/// What a unit of systemd and its drop-ins let a daemon do: who looks may do more.
struct InstalledService: Sendable {
    let name: String
    /// The unit's, then those of all drop-ins.
    private let lines: [Substring]

    /// Nil where there is no such unit.
    init?(_ name: String, in directories: [String]) {
        let unit = directories.lazy.compactMap { Self.text("\($0)/\(name)") }.first
        guard let unit else { return nil }
        let dropIns = directories.map { "\($0)/\(name).d" }.flatMap { directory in
            let names = (try? PrivateDirectory.names(in: directory)) ?? []
            return names.filter { $0.hasSuffix(".conf") }.sorted().compactMap { Self.text("\(directory)/\($0)") }
        }
        self.name = name
        lines = ([unit] + dropIns).flatMap { $0.split(separator: "\n") }
    }

    private static func text(_ path: String) -> String? {
        (try? AtomicFile.read(path)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// What keeps the daemon from a device that root can use who has all capabilities, as the daemon has not.
    func obstacles(to device: String) throws(SystemError) -> [Obstacle] {
        guard values(of: "PrivateDevices").last == "no" else {
            return [obstacle(device, "it has no devices: install the drop-in tpm.conf")]
        }
        guard let group = try MachineState.groupWithoutWhichRootIsKeptOut(of: device) else { return [] }
        let given = values(of: "SupplementaryGroups").flatMap { $0.split(separator: " ").map(String.init) }
        guard !given.contains(group) else { return [] }
        return [
            obstacle(device, "the device is the group \(group)'s: SupplementaryGroups=\(group) in the drop-in tpm.conf")
        ]
    }

    private func obstacle(_ device: String, _ reason: String) -> Obstacle {
        Obstacle(.notJoined, "the TPM cannot be used: \(name) may not open \(device): \(reason)")
    }

    private func values(of key: String) -> [String] {
        lines.filter { $0.hasPrefix("\(key)=") }.map { String($0.dropFirst(key.utf8.count + 1)) }
    }
}
