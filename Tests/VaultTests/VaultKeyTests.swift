import Foundation
import Glibc
import HTTPSClient
import KernelTestSupport
import OpenSSLBinding
import Synchronization
import Testing

@testable import Vault

@Suite(.serialized, .blocking) struct VaultKeyTests {
    private let message = Array("to be signed".utf8)
    private let vault: VaultServerProcess

    init() throws { vault = try VaultServerProcess() }

    private func expectSigns(_ key: any SigningKey, by scheme: SignatureScheme = .ecdsa(.sha256)) throws {
        let signature = try key.sign(message, by: scheme)
        #expect(key.publicKey.verify(signature, of: message, by: scheme))
        #expect(!key.publicKey.verify(signature, of: message + [0], by: scheme))
    }

    private func failure(_ body: () throws(SigningError) -> Void) -> String {
        do throws(SigningError) { try body() } catch { return "\(error)" }
        return "it did not fail"
    }

    private func failure(signingWith key: any SigningKey) -> String {
        failure { () throws(SigningError) in _ = try key.sign(message, by: .ecdsa(.sha256)) }
    }

    private func failure(opening store: VaultKeyStore, expecting expected: PublicKey? = nil) -> String {
        failure { () throws(SigningError) in _ = try store.open(expecting: expected) }
    }

    // MARK: Keys

    @Test func makesAKeyOnceAndSignsWithIt() throws {
        #expect(failure(opening: vault.store()) == "the signing key is away: Vault has no key 'ca'")
        let key = try vault.store(create: true).open(expecting: nil)
        #expect(key.publicKey.kind == .ecP256 && !key.isInMemory)
        try expectSigns(key)
        try key.keepReady()
        #expect(try vault.store(create: true).open(expecting: nil).publicKey == key.publicKey)
        try expectSigns(try vault.store(host: "localhost").open(expecting: key.publicKey))
        let shown = try vault.bao("read", "transit/keys/ca")
        #expect(shown.contains(#/exportable +false/#) && shown.contains(#/allow_plaintext_backup +false/#))
    }

    /// A CA's certificate names one version; those that Vault makes by rotating are other keys.
    @Test func aRotatedKeyGoesOnSigningAsTheOneItWas() throws {
        let first = try vault.store(create: true).open(expecting: nil)
        try vault.bao("write", "-f", "transit/keys/ca/rotate")
        try expectSigns(first)
        try expectSigns(try vault.store().open(expecting: first.publicKey))
        let newest = try vault.store().open(expecting: nil)
        #expect(newest.publicKey != first.publicKey)
        try expectSigns(newest)
    }

    @Test(arguments: [("ecdsa-p384", SignatureScheme.ecdsa(.sha384)), ("rsa-2048", .rsaPKCS1(.sha256))])
    func usesKeysThatOthersMade(_ kind: String, _ scheme: SignatureScheme) throws {
        try vault.bao("write", "transit/keys/ca", "type=\(kind)")
        let key = try vault.store().open(expecting: nil)
        try expectSigns(key, by: scheme)
        try key.keepReady()
    }

    @Test func refusesKeysThatAreNotFit() throws {
        try vault.bao("write", "transit/keys/ca", "type=ecdsa-p256", "exportable=true")
        #expect(failure(opening: vault.store()).hasPrefix("the signing key is refused: key 'ca' may leave Vault"))
        var store = vault.store()
        try vault.bao("write", "transit/keys/hmac", "type=aes256-gcm96")
        store.key = "hmac"
        #expect(failure(opening: store).hasPrefix("the signing key is refused: key 'hmac' cannot be used"))
        try vault.bao("write", "transit/keys/edwards", "type=ed25519")
        store.key = "edwards"
        #expect(failure(opening: store).hasPrefix("the signing key is refused: key 'edwards' cannot be used"))
        try vault.bao("write", "transit/keys/fine", "type=ecdsa-p256")
        store.key = "fine"
        let other = try PrivateKey.generate().publicKey
        #expect(
            failure(opening: store, expecting: other)
                == "the signing key is refused: no version of key 'fine' is the key of the CA's certificate")
    }

    // MARK: Trust

    @Test func trustsNoOtherServer() throws {
        let other = try VaultServerProcess()
        var store = vault.store(create: true)
        store.server.trust = .named(roots: other.roots)
        #expect(failure(opening: store).contains("the server is not the Vault that is trusted"))
        store.server.trust = .named(roots: [])
        #expect(failure(opening: store).contains("the server is not the Vault that is trusted"))
        store = vault.store(create: true)
        store.server.now = { 4_000_000_000 }
        #expect(failure(opening: store).contains("certificate has expired"))
    }

    // MARK: Being let in

    @Test func aTokenThatIsNotTakenIsSaid() throws {
        let store = vault.store(login: .token { SecretBytes(Array("s.nonsense".utf8)) })
        #expect(failure(opening: store).contains("Vault does not let the daemon in (403)"))
        for bad in ["", "with space", "with\r\nX-Header: y"] {
            let store = vault.store(login: .token { SecretBytes(Array(bad.utf8)) })
            #expect(failure(opening: store).contains("the credentials for Vault cannot be had"))
        }
    }

    @Test func readsItsTokenAgainWhenItIsNoLongerTaken() throws {
        let made = try vault.store(create: true).open(expecting: nil)
        try vault.allowSigning(policy: "signer")
        let token = Mutex(try newToken(living: "10m"))
        let key = try vault.store(login: .token { SecretBytes(Array(token.withLock { $0 }.utf8)) })
            .open(expecting: made.publicKey)
        try expectSigns(key)
        try vault.bao("token", "revoke", token.withLock { $0 })
        #expect(failure(signingWith: key).contains("(403)"))
        let fresh = try newToken(living: "10m")
        token.withLock { $0 = fresh }
        try expectSigns(key)
    }

    private func newToken(living lifetime: String) throws -> String {
        try vault.bao("token", "create", "-orphan", "-policy=signer", "-field=token", "-ttl=\(lifetime)")
    }

    @Test func renewsItsTokenInTime() throws {
        let made = try vault.store(create: true).open(expecting: nil)
        try vault.allowSigning(policy: "signer")
        let token = try newToken(living: "10s")
        let begin = ContinuousClock.now
        let key = try vault.store(login: .token { SecretBytes(Array(token.utf8)) }).open(expecting: made.publicKey)
        while ContinuousClock.now < begin + .seconds(11) {
            usleep(200_000)
            try key.keepReady()
        }
        // The ten seconds that it was made for are over.
        try expectSigns(key)
    }

    @Test func logsInByAppRoleAndAgainWhenItsTokenIsGone() throws {
        let made = try vault.store(create: true).open(expecting: nil)
        try vault.allowSigning(policy: "signer")
        try vault.bao("auth", "enable", "approle")
        try vault.bao("write", "auth/approle/role/podshield", "token_policies=signer", "token_ttl=20m")
        let role = try vault.bao("read", "-field=role_id", "auth/approle/role/podshield/role-id")
        let secret = try vault.bao("write", "-f", "-field=secret_id", "auth/approle/role/podshield/secret-id")
        let login = VaultLogin.appRole(mount: "approle", roleID: role) { SecretBytes(Array(secret.utf8)) }
        let key = try vault.store(login: login).open(expecting: made.publicKey)
        try expectSigns(key)
        try vault.bao("lease", "revoke", "-prefix", "-force", "auth/approle")
        try expectSigns(key)
        let stranger = VaultLogin.appRole(mount: "approle", roleID: role) { SecretBytes(Array("no".utf8)) }
        #expect(failure(opening: vault.store(login: stranger)).contains("Vault does not take the role and secret ID"))
    }

    // MARK: Being away

    @Test func isAwayWhileVaultIsSealedAndBackAfterwards() throws {
        let key = try vault.store(create: true).open(expecting: nil)
        try vault.bao("operator", "seal")
        #expect(
            failure(signingWith: key).contains("sealed"))
        try vault.bao("operator", "unseal", vault.unsealKey)
        try expectSigns(key)
    }

    /// One waits for its time; who comes right after does not.
    @Test func waitsNoLongerThanItMayAndGoesOn() throws {
        let limit = Duration.seconds(3)
        let key = try vault.store(create: true, timeLimit: limit).open(expecting: nil)
        vault.stop()
        let clock = ContinuousClock()
        let away = "the signing key is away: Vault does not answer in time"
        let first = clock.measure {
            #expect(failure(signingWith: key) == away)
        }
        let second = clock.measure {
            #expect(failure(signingWith: key) == away)
        }
        vault.signal(SIGCONT)
        #expect(first >= limit - .milliseconds(10))
        #expect(second < limit / 2)
        usleep(1_100_000)
        try expectSigns(key)
    }

    @Test func saysThatNobodyListens() throws {
        let key = try vault.store(create: true).open(expecting: nil)
        vault.end()
        #expect(
            failure(signingWith: key)
                .contains("Vault cannot be reached"))
        #expect(failure { () throws(SigningError) in try key.keepReady() }.contains("Vault cannot be reached"))
    }

    @Test func manySignAtOnce() async throws {
        let key = try vault.store(create: true).open(expecting: nil)
        let publicKey = key.publicKey
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<40 {
                group.addTask {
                    let message = Array("message \(number)".utf8)
                    let signature = try key.sign(message, by: .ecdsa(.sha256))
                    return publicKey.verify(signature, of: message, by: .ecdsa(.sha256))
                }
            }
            for try await isGood in group { #expect(isGood) }
        }
    }
}
