import CPKCS11
import Foundation
import Glibc
import KernelTestSupport
import OpenSSLBinding
import Synchronization
import Testing

@testable import PKCS11Binding

/// A SoftHSM 2 of this process, with a directory of its own. The module reads its configuration from the environment and
/// has one state for all, so that tests take turns.
struct SoftToken {
    static let module = "/usr/lib/softhsm/libsofthsm2.so"
    static let rightPIN = "1234-right"

    fileprivate static let directory: TemporaryDirectory = {
        let directory = try! TemporaryDirectory()
        let configuration = directory.path + "/softhsm2.conf"
        try! FileManager.default.createDirectory(atPath: directory.path + "/tokens", withIntermediateDirectories: true)
        try! Data("directories.tokendir = \(directory.path)/tokens\nlog.level = ERROR\n".utf8)
            .write(to: URL(filePath: configuration))
        unsafe setenv("SOFTHSM2_CONF", configuration, 1)
        return directory
    }()

    let label: String

    init(_ label: String) throws {
        self.label = label
        try Self.run(
            [
                "softhsm2-util", "--init-token", "--free", "--label", label, "--pin", Self.rightPIN, "--so-pin",
                "so-5678",
            ])
    }

    @discardableResult
    private static func run(_ words: [String]) throws -> String {
        try Command.run(["env", "SOFTHSM2_CONF=\(directory.path)/softhsm2.conf"] + words)
    }

    func store(
        label keyLabel: String? = "ca", id: [UInt8]? = nil, create: Bool = false, pin: String = rightPIN
    ) -> PKCS11KeyStore {
        PKCS11KeyStore(
            module: Self.module, token: label, keyLabel: keyLabel, keyID: id, mayCreate: create,
            pin: { SecretBytes(Array(pin.utf8)) })
    }

    /// What others do with the token; OpenSC knows nothing of us.
    @discardableResult
    func tool(_ arguments: String...) throws -> String {
        try Self.run(
            ["pkcs11-tool", "--module", Self.module, "--token-label", label, "--login", "--pin", Self.rightPIN]
                + arguments)
    }
}

extension SoftToken {
    /// As if the token had been reset: sessions that are open are no longer.
    func loseSessions() throws {
        let module = try PKCS11Module(path: Self.module)
        let slot = try module.slot(of: label).slot
        let result = unsafe module.functions.pointee.C_CloseAllSessions(slot)
        #expect(result == 0)
    }

    /// Runs `body` while no token is there, and sessions are lost.
    func whileGone(_ body: () throws -> Void) throws {
        try loseSessions()
        let (place, elsewhere) = (Self.directory.path + "/tokens", Self.directory.path + "/elsewhere")
        try FileManager.default.moveItem(atPath: place, toPath: elsewhere)
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
        defer {
            try? FileManager.default.removeItem(atPath: place)
            try? FileManager.default.moveItem(atPath: elsewhere, toPath: place)
        }
        try body()
    }
}

/// A PIN that counts how often it was asked for.
final class CountedPIN: Sendable {
    private let state: Mutex<(text: String, count: Int)>

    init(_ text: String) { state = Mutex((text, 0)) }

    var count: Int { state.withLock { $0.count } }

    func read() -> SecretBytes {
        state.withLock { state in
            state.count += 1
            return SecretBytes(Array(state.text.utf8))
        }
    }

    func change(to text: String) { state.withLock { $0 = (text, 0) } }
}
