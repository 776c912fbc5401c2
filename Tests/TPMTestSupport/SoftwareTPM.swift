import Foundation
import KernelTestSupport

/// A TPM in a process of its own (swtpm), with seeds that no other has. Gone with its owner.
public final class SoftwareTPM: Sendable {
    private let directory: TemporaryDirectory
    private let program: RunningProgram
    private let port: UInt16

    /// As tss2-tctildr(7) has it.
    public var configuration: String { "swtpm:host=127.0.0.1,port=\(port)" }

    /// - Parameter certificate: what somebody certifies of its endorsement key; nil for a TPM without a certificate.
    public init(certificate: (name: String, issuer: EndorsementIssuer)? = nil) throws {
        directory = try TemporaryDirectory()
        if let (name, issuer) = certificate { try issuer.equip(directory.path, as: name) }
        (program, port) = try Self.start(in: directory.path)
    }

    /// The data's port is free as often as not, and so is the one after it, which the library takes for control.
    private static func start(in directory: String) throws -> (RunningProgram, UInt16) {
        for _ in 0..<5 {
            let port = UInt16.random(in: 10000..<16000) * 2
            let pidFile = directory + "/pid-\(port)"
            let program = try RunningProgram([
                "swtpm", "socket", "--tpm2", "--tpmstate", "dir=\(directory)", "--flags",
                "not-need-init,startup-clear", "--pid", "file=\(pidFile)", "--server",
                "type=tcp,port=\(port),bindaddr=127.0.0.1", "--ctrl",
                "type=tcp,port=\(port + 1),bindaddr=127.0.0.1",
            ])
            // Written once both ports are held.
            for _ in 0..<100 {
                if FileManager.default.fileExists(atPath: pidFile) { return (program, port) }
                Thread.sleep(forTimeInterval: 0.02)
            }
        }
        throw SoftwareTPMFailure(description: "swtpm does not start")
    }

    /// What others do with the TPM; tpm2-tools know nothing of us.
    @discardableResult
    public func tool(_ name: String, _ arguments: String...) throws -> String {
        try Command.run(["tpm2_\(name)", "--tcti=\(configuration)"] + arguments)
    }

    /// As a TPM has it whose certificate was never written.
    public func defineUnreadableCertificate() throws {
        try tool("nvdefine", "0x01c00002", "-C", "o", "-s", "64", "-a", "authread|ownerread|ownerwrite")
    }

    /// It answers nobody until it goes on.
    public func halt() { program.signal(SIGSTOP) }
    public func goOn() { program.signal(SIGCONT) }

    /// No TPM answers any more.
    public func end() { program.end() }
}

public struct SoftwareTPMFailure: Error, CustomStringConvertible {
    public let description: String
}

/// Who certifies endorsement keys: a root, and an authority below it that issues (swtpm-localca).
public final class EndorsementIssuer: Sendable {
    private let directory: TemporaryDirectory

    public init() throws {
        directory = try TemporaryDirectory()
        let path = directory.path
        try write(
            "localca.conf",
            "statedir = \(path)\nsigningkey = \(path)/key.pem\nissuercert = \(path)/issuer.pem\n"
                + "certserial = \(path)/serial\n")
        try write("localca.options", "--platform-manufacturer Example\n--platform-version 1\n--platform-model X\n")
        try write(
            "setup.conf",
            "create_certs_tool=/usr/bin/swtpm_localca\ncreate_certs_tool_config=\(path)/localca.conf\n"
                + "create_certs_tool_options=\(path)/localca.options\n")
    }

    private func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: directory.path + "/" + name))
    }

    /// PEM of the root and of the authority below it; there once a TPM was equipped.
    public func certificates() throws -> String {
        try ["swtpm-localca-rootca-cert.pem", "issuer.pem"]
            .map { try String(contentsOfFile: directory.path + "/" + $0, encoding: .utf8) }.joined()
    }

    fileprivate func equip(_ state: String, as name: String) throws {
        try Command.run(
            "swtpm_setup", "--tpm2", "--tpmstate", state, "--create-ek-cert", "--config",
            directory.path + "/setup.conf", "--vmid", name)
    }
}
