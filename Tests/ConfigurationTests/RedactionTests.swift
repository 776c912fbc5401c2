import Testing

@testable import Configuration

/// What may go to other eyes.
@Suite struct RedactionTests {
    private static let secret = "s3cr3t-t0ken"

    @Test func settingsStay() {
        let yaml = """
            role: node
            protected: [10.42.0.0/16, "fd42::/48"]
            join:
              authority: 192.0.2.11:7601
              token-file: /etc/podshield/token
            """
        let text = PodshieldConfiguration.redacted(yaml: yaml)
        for word in ["role: node", "10.42.0.0/16", "fd42::/48", "192.0.2.11:7601", "/etc/podshield/token"] {
            #expect(text.contains(word))
        }
    }

    @Test(arguments: [
        "join: {token: \(secret)}", "join:\n  token: \(secret)", "join:\n  token: >-\n    \(secret)",
        "join:\n  token: &a \(secret)\nrole: *a", "join:\n  token-credential: \(secret)",
        "authority:\n  key-credential: |\n    \(secret)",
        "pkcs11:\n  pin-credential: \(secret)", "pkcs11:\n  pin-file: \(secret)", "pkcs11:\n  pin: \(secret)",
        "vault:\n  token-file: \(secret)", "vault:\n  secret-id-credential: \(secret)", "vault:\n  role-id: \(secret)",
        "upstream-vault-pki:\n  token-file: \(secret)", "upstream-vault-pki:\n  token-credential: \(secret)",
        "upstream-vault-pki:\n  role-id: \(secret)", "upstream-vault-pki:\n  secret-id-file: \(secret)",
        "upstream-vault-pki:\n  secret-id-credential: \(secret)",
        "join:\n  key-file: \(secret)", "join:\n  key-credential: \(secret)",
        "join:\n  cluster-token-file: \(secret)", "kubernetes:\n  token-file: \(secret)",
        "upstream-disk:\n  key-file: \(secret)", "upstream-disk:\n  key-credential: \(secret)",
        "join:\n  token-file: \(secret)", "join: \(secret)", "token: \(secret)", "join:\n  tokn: [\(secret)]",
        "role: {token: \(secret)}", "role: [[\(secret)]]", "- \(secret)", secret, "role: node # \(secret)",
        "a: [\(secret)", "\"join\":\n  !!str \"token\" : \(secret)", "join:\n  ? token\n  : \(secret)",
        "join: {<<: {token: \(secret)}}", "? [\(secret)]\n: x", "? \(secret)\n: x",
    ])
    func secretsDoNot(_ yaml: String) {
        #expect(!PodshieldConfiguration.redacted(yaml: yaml).contains(Self.secret))
    }

    /// What a key is called says what it may hold.
    @Test(arguments: ConfigurationKey.allCases)
    func everyKeyIsAsItsNameSays(_ key: ConfigurationKey) {
        if key.name.hasSuffix("credential") { #expect(key.disclosure == .secret) }
        if key.name.hasSuffix("-file") { #expect(key.disclosure == .path) }
        let words = key.name.split(separator: "-")
        if ["password", "secret", "pin"].contains(where: words.contains(_:)) { #expect(key.disclosure != .open) }
    }

    @Test(arguments: ConfigurationKey.allCases)
    func nothingOfASecretKeyIsLeft(_ key: ConfigurationKey) {
        let yaml = key.section.map { "\($0):\n  \(key.name): \(Self.secret)" } ?? "\(key.name): \(Self.secret)"
        let isShown = PodshieldConfiguration.redacted(yaml: yaml).contains(Self.secret)
        #expect(isShown == (key.disclosure == .open || key.disclosure == .brokers))
    }

    /// Those whose names do not end as secrets' do.
    @Test func secretsByOtherNames() {
        for key in [ConfigurationKey.joinToken, .vaultRoleID, .upstreamVaultPKIRoleID] {
            #expect(key.disclosure == .secret)
        }
    }
}
