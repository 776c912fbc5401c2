/// The least that each role needs.
enum Documents {
    static let standalone = """
        trust-domain: example.org
        protected: [10.42.0.0/16, "fd42::/48"]
        node:
          name: node-a
          address: 192.0.2.11

        """

    /// - Parameter keys: beside `brokers`, each with a comma behind it.
    static func broker(_ keys: String, references: String = "pid") -> String {
        "broker: {\(keys)brokers: [{id: \"spiffe://example.org/proxy\", references: [\(references)]}]}\n"
    }

    static let authority = """
        role: authority
        trust-domain: example.org
        authority:
          listen: 192.0.2.1

        """

    static let token =
        authority + """
            pkcs11:
              module: /m
              token: t
              key-label: ca
              key-id: 01
              pin-file: /p
              create: false

            """

    static let vault =
        authority + """
            vault:
              server: v:1
              ca-file: /c
              key: k
              token-file: /t

            """

    static let upstream =
        authority + """
            upstream-disk:
              certificate-file: /c
              key-file: /k

            """

    static let vaultPKI =
        authority + """
            upstream-vault-pki:
              server: v:1
              ca-file: /c
              token-file: /t

            """

    static let spireUpstream =
        authority + """
            upstream-spire:
              server: s:8081
              workload-socket: /w

            """

    static let federation = """
        federation:
          relationships:
          - {trust-domain: partner.example, url: "https://p:8443/", endpoint-spiffe-id: "spiffe://partner.example/podshield/authority/main", bundle-file: /b.json}

        """

    static let certificates =
        authority + """
            x509pop:
              ca-file: /c

            """

    static let tpms =
        authority + """
            tpm:
              keys-file: /c

            """

    static let etcd =
        authority + """
            etcd:
              members: e:2379
              ca-file: /c
              certificate-file: /e.pem
              key-file: /e.key

            """

    static let cluster =
        authority + """
            kubernetes:
              server: k:6443
              ca-file: /c
              token-file: /t
              service-accounts: ["podshield:node"]

            """

    static let node = """
        role: node
        trust-domain: example.org
        protected: [10.42.0.0/16]
        node:
          name: node-b
          address: 192.0.2.12
        join:
          authority: 192.0.2.11:7601
          root-fingerprint: \(fingerprint)

        """

    static let fingerprint = String(repeating: "0123456789abcdef", count: 4)
}
