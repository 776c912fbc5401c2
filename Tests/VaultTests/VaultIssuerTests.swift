import Foundation
import Glibc
import Identity
import Issuance
import KernelTestSupport
import OpenSSLBinding
import Testing

@testable import Vault

/// A CA below an issuer of Vault's PKI engine.
@Suite(.serialized, .blocking) struct VaultIssuerTests {
    private let vault: VaultServerProcess
    private let domain: TrustDomain

    init() throws {
        vault = try VaultServerProcess()
        domain = try TrustDomain("example.org")
    }

    private var now: Int64 { Int64(Date().timeIntervalSince1970) }

    private func authority(
        by issuer: VaultIssuer, key: (any SigningKey)? = nil, lifetime: Duration = .seconds(7200)
    ) throws -> CertificateAuthority {
        try CertificateAuthority.create(
            for: domain, key: try key ?? PrivateKey.generate(), asking: issuer, now: now, lifetime: lifetime)
    }

    /// What is issued verifies for whoever knows the root alone.
    private func expectIssues(_ authority: CertificateAuthority) throws {
        let request = try ProvenRequest(csrDER: SigningRequest.make(key: .generate()))
        let svid = try authority.sign(request, plan: .node("n1", in: domain, lifetime: .seconds(600)), now: now)
        let bundle = try TrustBundle(trustDomain: domain, authorities: [authority.root], sequence: 1)
        let seen = try SVIDVerifier(bundle: bundle).verify(chainDER: svid.chain.map(\.der), at: now)
        #expect(seen.id == svid.id && seen.anchor == authority.root)
    }

    private func failure(_ body: () throws -> Void) -> String {
        do { try body() } catch { return "\(error)" }
        return "it did not fail"
    }

    private func failure(askedOf issuer: VaultIssuer) -> String { failure { _ = try authority(by: issuer) } }

    // MARK: Signing

    @Test func signsAnAuthorityAsItWasAskedFor() throws {
        try vault.makeRoot()
        let key = try PrivateKey.generate()
        let authority = try authority(by: vault.issuer(), key: key)
        #expect(authority.certificate.publicKey == key.publicKey && authority.issuers.count == 1)
        #expect(authority.certificate.subject == "CN=podshield example.org below another")
        #expect((7190...7210).contains(authority.certificate.notAfter - now))
        #expect(authority.root == (try vault.issuer().chain(at: now).last))
        let root = try vault.bao("read", "-field=certificate", "pki/issuer/first")
        #expect(try Certificate.parsePEMChain(root) == [authority.root])
        try expectIssues(authority)
        let list = try authority.revocationList(number: 1, of: [], issuedAt: now)
        #expect(list.authority == authority.certificate)
        // Each time another, as it is to be when one follows the other.
        let next = try self.authority(by: vault.issuer())
        #expect(next.certificate != authority.certificate && next.root == authority.root)
    }

    /// The CA's key in the transit engine, the authority above in the PKI engine.
    @Test func signsForAKeyThatIsElsewhere() throws {
        try vault.makeRoot()
        let key = try vault.store(create: true).open(expecting: nil)
        try expectIssues(try authority(by: vault.issuer(), key: key))
        try vault.bao("write", "transit/keys/rsa", "type=rsa-2048")
        var store = vault.store()
        store.key = "rsa"
        try expectIssues(try authority(by: vault.issuer(), key: store.open(expecting: nil)))
    }

    /// A root, an authority of Vault's below it, and ours below that.
    @Test func theWayToTheRootMayBeLonger() throws {
        try vault.makeRoot(mount: "top")
        try vault.bao("secrets", "enable", "pki")
        try vault.bao("secrets", "tune", "-max-lease-ttl=4000h", "pki")
        let request = try vault.bao(
            "write", "-field=csr", "pki/intermediate/generate/internal", "common_name=middle", "key_type=ec")
        let signed = try vault.bao(
            "write", "-field=certificate", "top/root/sign-intermediate", "csr=\(request)", "common_name=middle",
            "ttl=3000h")
        try vault.bao("write", "pki/intermediate/set-signed", "certificate=\(signed)")
        #expect(failure(askedOf: vault.issuer()).contains("it did not show its root"))
        let root = try vault.bao("read", "-field=certificate", "top/issuer/first")
        try vault.bao("write", "pki/issuers/import/cert", "pem_bundle=\(root)")
        let authority = try authority(by: vault.issuer())
        #expect(authority.issuers.count == 2)
        #expect(try Certificate.parsePEMChain(root) == [authority.root])
        try expectIssues(authority)
    }

    @Test func aRootThatIsReplacedIsTheNextOnesRoot() throws {
        try vault.makeRoot()
        let issuer = vault.issuer()
        let first = try authority(by: issuer)
        try vault.bao(
            "write", "pki/root/rotate/internal", "common_name=second", "issuer_name=second", "key_type=ec", "ttl=800h")
        #expect(try issuer.chain(at: now).last == first.root)
        try vault.bao("write", "pki/root/replace", "default=second")
        #expect(try issuer.chain(at: now).last != first.root)
        let second = try authority(by: issuer)
        #expect(second.root == (try issuer.chain(at: now).last))
        try expectIssues(second)
        // Who named the first stays with it.
        #expect(try authority(by: vault.issuer(issuer: "first")).root == first.root)
    }

    // MARK: Lifetimes

    /// OpenBao would sign for longer than its own issuer lasts.
    @Test func aCAEndsBeforeItsRoot() throws {
        try vault.makeRoot(hours: 2)
        let authority = try authority(by: vault.issuer(), lifetime: .seconds(86400))
        #expect(authority.certificate.notAfter <= authority.root.notAfter)
        #expect(authority.certificate.notAfter > authority.root.notAfter - 120)
    }

    @Test func aLongestLifetimeOfTheMountsIsTaken() throws {
        try vault.makeRoot()
        try vault.bao("secrets", "tune", "-max-lease-ttl=3h", "pki")
        let lasts = try authority(by: vault.issuer(), lifetime: .seconds(86400)).certificate.notAfter - now
        #expect((10790...10810).contains(lasts))
        try vault.bao("secrets", "tune", "-max-lease-ttl=20m", "pki")
        #expect(failure(askedOf: vault.issuer()).contains("it signed for less than half an hour"))
    }

    // MARK: Refusals

    @Test func refusesWithoutAPolicy() throws {
        try vault.makeRoot()
        try vault.allow("signer", #"path "pki/root/sign-intermediate" { capabilities = ["update"] }"#)
        let able = try vault.bao("token", "create", "-policy=signer", "-field=token")
        try expectIssues(try authority(by: vault.issuer(login: .token { SecretBytes(Array(able.utf8)) })))
        let token = try vault.bao("token", "create", "-policy=default", "-field=token")
        let unable = vault.issuer(login: .token { SecretBytes(Array(token.utf8)) })
        #expect(failure(askedOf: unable).hasPrefix("Vault does not let the daemon in (403)"))
        // Whoever is asked who it is may be asked by anybody.
        #expect(try unable.chain(at: now).count == 1)
        let stranger = vault.issuer(login: .token { SecretBytes(Array("s.nonsense".utf8)) })
        #expect(failure(askedOf: stranger).hasPrefix("Vault does not let the daemon in (403)"))
    }

    @Test func aMountOrIssuerThatIsNotThere() throws {
        try vault.makeRoot()
        #expect(failure(askedOf: vault.issuer(mount: "nothing")).contains("Vault refused with status 404"))
        #expect(failure(askedOf: vault.issuer(issuer: "nobody")).contains("unable to find PKI issuer"))
        try vault.bao("secrets", "enable", "-path=empty", "pki")
        #expect(failure(askedOf: vault.issuer(mount: "empty")).contains("no default issuer currently configured"))
        #expect(vault.issuer().description == "upstream-vault-pki (127.0.0.1:\(vault.port), mount pki)")
    }

    @Test func aRootWithoutAPathBelowIt() throws {
        try vault.bao("secrets", "enable", "pki")
        try vault.bao(
            "write", "pki/root/generate/internal", "common_name=r", "key_type=ec", "ttl=700h", "max_path_length=0")
        #expect(failure(askedOf: vault.issuer()) != "it did not fail")
        try vault.bao("secrets", "enable", "-path=other", "pki")
        try vault.bao(
            "write", "other/root/generate/internal", "common_name=r", "key_type=ec", "ttl=700h",
            "uri_sans=spiffe://elsewhere.org")
        #expect(failure(askedOf: vault.issuer(mount: "other")).contains("elsewhere.org"))
    }

    // MARK: Being away

    @Test func sealedStoppedAndGone() throws {
        try vault.makeRoot()
        let issuer = vault.issuer()
        _ = try authority(by: issuer)
        try vault.bao("operator", "seal")
        #expect(failure(askedOf: issuer).contains("Vault is sealed or not ready (503)"))
        try vault.bao("operator", "unseal", vault.unsealKey)
        try expectIssues(try authority(by: issuer))
        vault.stop()
        let hurried = vault.issuer(timeLimit: .seconds(2))
        #expect(failure(askedOf: hurried) == "Vault does not answer in time")
        vault.signal(SIGCONT)
        vault.end()
        #expect(failure(askedOf: issuer).hasPrefix("Vault cannot be reached"))
    }

    @Test func logsInByAppRole() throws {
        try vault.makeRoot()
        try vault.allow("signer", #"path "pki/issuer/first/sign-intermediate" { capabilities = ["update"] }"#)
        try vault.bao("auth", "enable", "approle")
        try vault.bao("write", "auth/approle/role/podshield", "token_policies=signer", "token_ttl=20m")
        let role = try vault.bao("read", "-field=role_id", "auth/approle/role/podshield/role-id")
        let secret = try vault.bao("write", "-f", "-field=secret_id", "auth/approle/role/podshield/secret-id")
        let login = VaultLogin.appRole(mount: "approle", roleID: role) { SecretBytes(Array(secret.utf8)) }
        let issuer = vault.issuer(issuer: "first", login: login)
        try expectIssues(try authority(by: issuer))
        try vault.bao("lease", "revoke", "-prefix", "-force", "auth/approle")
        try expectIssues(try authority(by: issuer))
    }
}
