import Configuration
import Foundation
import Glibc
import Identity
import Issuance
import KernelTestSupport
import LinuxBinding
import OpenSSLBinding
import Testing

@testable import PodshieldDaemon

/// Files of certificates that the configuration names.
@Suite struct CertificateFileTests {
    private let directory: TemporaryDirectory
    private let path: String
    private let root: Certificate

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path + "/ca.pem"
        root = try CertificateAuthority.createRoot(
            for: TrustDomain("example.org"), now: Int64(Date().timeIntervalSince1970)
        ).certificate
        try root.pem.write(toFile: path, atomically: false, encoding: .utf8)
        unsafe chmod(path, 0o644)
    }

    @Test func rootsAreReadFromWhatNobodyElseMayWrite() throws {
        #expect(try Certificate.roots(in: path, of: .x509popCAFile) == [root])
        #expect(try Certificate.chain(in: path, of: .joinCertificateFile) == [root])
    }

    /// Who may write it says who joins.
    @Test(arguments: [0o664, 0o646, 0o666] as [mode_t]) func rootsThatOthersMayWriteAreRefused(mode: mode_t) throws {
        unsafe chmod(path, mode)
        let error = #expect(throws: StartError.self) { try Certificate.roots(in: path, of: .x509popCAFile) }
        guard case .badSetting(key: .x509popCAFile, let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains(path) && reason.contains(String(mode, radix: 8)))
        // What is shown to others says nothing of whom to trust.
        #expect(try Certificate.chain(in: path, of: .joinCertificateFile) == [root])
    }

    @Test func whatIsNotThereOrHoldsNoneIsNamed() throws {
        let missing = path + ".no"
        let unread = #expect(throws: StartError.self) { try Certificate.roots(in: missing, of: .vaultCAFile) }
        #expect(unread.map { "\($0)".contains(missing) } == true)
        try "nothing".write(toFile: path, atomically: false, encoding: .utf8)
        let empty = #expect(throws: StartError.self) { try Certificate.roots(in: path, of: .vaultCAFile) }
        #expect(empty.map { "\($0)" } == "vault.ca-file: \(path) holds no certificate")
    }
}
