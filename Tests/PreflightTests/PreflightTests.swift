import Addressing
import Configuration
import Foundation
import Glibc
import KernelTestSupport
import LinuxBinding
import Telemetry
import Testing

@testable import Preflight

/// What needs no kernel of ours; the scenario 06-bad-input spoils a whole node.
@Suite struct PreflightTests {
    private let directory: TemporaryDirectory
    private let configuration: PodshieldConfiguration

    init() throws {
        directory = try TemporaryDirectory()
        configuration = try PodshieldConfiguration(
            yaml: """
                role: authority
                trust-domain: example.org
                authority:
                  listen: 127.0.0.1
                  port: \(try Self.freePort())
                paths:
                  state: \(directory.path)/state
                  run: \(directory.path)/run
                """, file: "config.yaml")
    }

    private func errors() -> [Obstacle] {
        let preflight = Preflight(configuration, now: Int64(Date().timeIntervalSince1970))
        return (preflight.ofMachine() + preflight.ofDaemonsPlaces()).filter(\.isError)
    }

    /// A port of loopback that nobody has at this moment.
    private static func freePort() throws -> UInt16 {
        let port = (20000...29999).lazy.map(UInt16.init).shuffled().first { port in
            (try? MachineState.checkFree(.init("127.0.0.1")!, .tcp, port: port)) != nil
        }
        return try #require(port)
    }

    private func make(_ path: String, mode: Int) throws {
        try FileManager.default.createDirectory(
            atPath: "\(directory.path)/\(path)", withIntermediateDirectories: true,
            attributes: [.posixPermissions: mode])
    }

    @Test func aMachineWithoutStateIsWell() { #expect(errors() == []) }

    @Test(arguments: [0o770, 0o707, 0o777]) func stateThatOthersCanChange(_ mode: Int) throws {
        try make("state", mode: 0o700)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: directory.path + "/state")
        #expect(errors().map(\.kind) == [.stateRefused])
    }

    @Test func anInstanceThatIsHeld() throws {
        for name in ["state", "run"] { try make(name, mode: 0o700) }
        let lock = try InstanceLock(path: directory.path + "/state/lock")
        #expect(errors().map(\.kind) == [.instanceHeld])
        withExtendedLifetime(lock) {}
    }

    /// To look does not take.
    @Test func lookingLeavesTheLockFree() throws {
        for name in ["state", "run"] { try make(name, mode: 0o700) }
        _ = try InstanceLock(path: directory.path + "/state/lock")
        #expect(errors() == [])
        #expect(throws: Never.self) { try InstanceLock(path: directory.path + "/state/lock") }
    }

    @Test(arguments: ["ca.key", "ca.pem", "authority.sqlite"]) func aFileWithoutTheOthers(_ name: String) throws {
        try make("state", mode: 0o700)
        try make("state/authority", mode: 0o700)
        try Data().write(to: URL(filePath: directory.path + "/state/authority/\(name)"))
        // A certificate alone is what an interrupted first start leaves.
        #expect(errors().map(\.kind) == (name == "ca.pem" ? [] : [.stateRefused]))
    }

    @Test func everyFindingSaysWhatToDo() {
        #expect(Obstacle(.stateRefused, "x").remedy == EventKind.stateRefused.remedy)
        #expect(!Obstacle(.packetDropped, "x").remedy.isEmpty)
    }

    /// As the authority's own and the node's.
    @Test(
        arguments: [
            "downstream: {address: ADDRESS, port: PORT}", "bundle-endpoint: {address: ADDRESS, port: PORT}",
            "broker: {listen: 'ADDRESS:PORT', brokers: [{id: 'spiffe://example.org/b', references: [pid]}]}",
        ], [("127.0.0.1", [EventKind]()), ("192.0.2.1", [EventKind.addressRefused])])
    func whatElseIsListenedAtHasToBeFree(_ section: String, _ place: (address: String, wanted: [EventKind])) throws {
        let port = "\(try Self.freePort())"
        let section = section.replacing("ADDRESS", with: place.address).replacing("PORT", with: port)
        let yaml = """
            role: standalone
            trust-domain: example.org
            protected: [10.42.0.0/16]
            authority: {listen: 127.0.0.1, port: \(try Self.freePort())}
            node: {name: a, address: 127.0.0.1, link-port: \(try Self.freePort()), esp-port: \(try Self.freePort())}
            \(section)
            paths: {state: \(directory.path)/state, run: \(directory.path)/run}
            """
        let preflight = Preflight(try PodshieldConfiguration(yaml: yaml, file: "f"), now: 0)
        #expect(preflight.ofDaemonsPlaces().filter(\.isError).map(\.kind) == place.wanted)
    }

    /// By bytes and by files, of which there may be none left where there is room for bytes.
    @Test func aDiskThatIsAboutToBeFull() throws {
        let disks = [
            try SmallFileSystem(kilobytes: 5000), try SmallFileSystem(kilobytes: 3000),
            try SmallFileSystem(kilobytes: 5000, files: 50),
        ]
        let found = disks.map { disk in
            var settings = configuration
            settings.paths.state = disk.directory.path
            return Preflight(settings, now: 0).ofMachine().filter { $0.kind == .spaceMissing }.map(\.message)
        }
        #expect(found.map(\.count) == [0, 1, 1])
        #expect(found[1][0].contains("KiB of room left") && found[2][0].contains("more files"))
    }

    /// Of the CA's upstream, of machines and of a cluster's API.
    @Test func filesOfThoseWhoVouchHaveToBeThere() throws {
        let file = directory.path + "/ca.pem"
        var settings = configuration
        guard case .authority(var authority) = settings.role else { return }
        authority.upstream = .disk(.init(certificateFile: file, key: nil))
        authority.machineCertificates = .init(caFile: file, name: .commonName, allowNewKey: false)
        settings.role = .authority(authority)
        let found = Preflight(settings, now: 0).ofMachine().filter { $0.message.contains(file) }
        #expect(found.map(\.kind) == [.configurationRefused, .configurationRefused])
        try Data().write(to: URL(filePath: file))
        #expect(Preflight(settings, now: 0).ofMachine().filter { $0.message.contains(file) }.isEmpty)
    }

    /// They are read as the daemon reads them.
    @Test func filesOfTPMsHaveToMakeSense() throws {
        let (keys, issuers) = (directory.path + "/tpms", directory.path + "/ca.pem")
        var settings = configuration
        guard case .authority(var authority) = settings.role else { return }
        authority.tpms = .init(keysFile: keys, caFile: issuers, registers: [:])
        settings.role = .authority(authority)
        let found = { [settings] in
            Preflight(settings, now: 0).ofMachine().filter {
                $0.message.hasPrefix("tpm.") && $0.kind == .configurationRefused
            }
            .map(\.message)
        }
        #expect(found().count == 2 && found().allSatisfy { $0.contains("No such file") })
        try Data("node-a\n".utf8).write(to: URL(filePath: keys))
        try Data().write(to: URL(filePath: issuers))
        #expect(found().map { $0.prefix(14) } == ["tpm.keys-file:", "tpm.ca-file: n"])
        #expect(found().first?.contains("line 1") == true && found().last?.contains("root") == true)
        try Data("node-a \(String(repeating: "a1", count: 32))\n".utf8).write(to: URL(filePath: keys))
        #expect(found().count == 1)
        try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: keys)
        #expect(found().first?.contains("must be 644") == true)
    }

    /// The daemon is root with few capabilities, in what its unit leaves it; who looks may open everything.
    @Test func theServiceHasToReachTheTPM() throws {
        let (device, units) = (directory.path + "/tpmrm0", directory.path + "/units")
        try make("units/podshield-idd.service.d", mode: 0o755)
        try Data().write(to: URL(filePath: device))
        let settings = try Self.nodeWithTPM(device, in: directory.path)
        let found = {
            Preflight(settings, now: 0, units: [directory.path + "/none", units]).ofMachine().map(\.message)
                .filter { $0.contains("the TPM cannot be used") }
        }
        #expect(found() == [])
        let (unit, dropIn) = (units + "/podshield-idd.service", units + "/podshield-idd.service.d/tpm.conf")
        try Data("[Service]\nPrivateDevices=yes\n".utf8).write(to: URL(filePath: unit))
        #expect(found().first?.contains("it has no devices") == true)
        try Data("[Service]\nPrivateDevices=no\n".utf8).write(to: URL(filePath: dropIn))
        #expect(found() == [])
        // As tpm-udev has it.
        try #require(unsafe chown(device, 54321, 54322) == 0 && chmod(device, 0o660) == 0)
        #expect(found().first?.contains("SupplementaryGroups=54322") == true)
        try Data("[Service]\nPrivateDevices=no\nSupplementaryGroups=audio 54322\n".utf8).write(
            to: URL(filePath: dropIn))
        #expect(found() == [])
    }

    private static func nodeWithTPM(_ device: String, in directory: String) throws -> PodshieldConfiguration {
        let fingerprint = String(repeating: "0f", count: 32)
        let yaml = """
            role: node
            trust-domain: example.org
            permissive: true
            node: {name: node-a, address: 192.0.2.1}
            paths: {state: \(directory)/state, run: \(directory)/run}
            join: {authority: "192.0.2.2:7601", root-fingerprint: \(fingerprint), tpm: "device:\(device)"}
            """
        return try PodshieldConfiguration(yaml: yaml, file: "f")
    }

    /// A device that is not there, and one that is; nothing is opened.
    @Test func aTPMHasToBeThere() throws {
        for (device, isThere) in [("/dev/no-such-tpm", false), ("/dev/null", true)] {
            let settings = try Self.nodeWithTPM(device, in: directory.path)
            let found = Preflight(settings, now: 0, units: []).ofMachine()
                .filter { $0.message.contains("the TPM cannot be used") }
            #expect(
                found.map(\.kind) == (isThere ? [] : [.notJoined]) && found.allSatisfy { $0.message.contains(device) })
        }
    }

    /// Vault is not asked; what it takes to ask has to be there.
    @Test func whatOpensVaultAboveHasToBeThere() throws {
        let (roots, token) = (directory.path + "/roots.pem", directory.path + "/token")
        let yaml = """
            role: authority
            trust-domain: example.org
            authority: {listen: 192.0.2.1}
            paths: {state: \(directory.path)/state, run: \(directory.path)/run}
            upstream-vault-pki: {server: v:1, ca-file: \(roots), token-file: \(token)}
            """
        let settings = try PodshieldConfiguration(yaml: yaml, file: "f")
        let found = { Preflight(settings, now: 0).ofMachine().filter { $0.kind == .caKeyAway } }
        #expect(found().map { $0.message.contains(roots) || $0.message.contains(token) } == [true, true])
        for (path, mode) in [(roots, 0o644), (token, 0o600)] {
            #expect(
                FileManager.default.createFile(atPath: path, contents: Data(), attributes: [.posixPermissions: mode]))
        }
        #expect(found().isEmpty)
    }

    @Test func theLastFailureIsKeptAndForgotten() throws {
        try make("run", mode: 0o700)
        #expect(LastFailure(of: configuration.paths) == nil)
        let failure = LastFailure([.notStarted(.notJoined, reason: "the join token is not valid")], time: 5)
        failure.save(configuration.paths)
        #expect(LastFailure(of: configuration.paths) == failure)
        LastFailure.forget(configuration.paths)
        #expect(LastFailure(of: configuration.paths) == nil)
    }
}
