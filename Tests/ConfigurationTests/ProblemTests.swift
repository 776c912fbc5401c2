import Configuration
import Testing

/// What is wrong, and the line that says so.
struct BadDocument: Sendable, CustomTestStringConvertible {
    let yaml: String
    let problems: [String]

    init(_ yaml: String, _ problems: String...) {
        self.yaml = yaml
        self.problems = problems
    }

    var testDescription: String { problems.joined(separator: "; ") }

    func check() {
        #expect(throws: ConfigurationError.self) {
            do throws(ConfigurationError) {
                _ = try PodshieldConfiguration(yaml: yaml, file: "f")
            } catch {
                #expect(error.description.split(separator: "\n").map(String.init) == problems)
                throw error
            }
        }
    }
}

@Suite struct ProblemTests {
    @Test(arguments: [
        BadDocument(
            "", "f: trust-domain: is missing", "f: node.name: is missing", "f: node.address: is missing",
            "f: protected: is missing: which prefixes hold pods?"),
        BadDocument("- a\n- b\n", "f:1:1: the file is not a mapping of keys to values"),
        BadDocument("a: b: c\n", "f:1:5: not YAML: mapping values are not allowed in this context"),
        BadDocument("a: [1\n", "f:2:1: not YAML: did not find expected ',' or ']'"),
        BadDocument("role: node\nrole: node\n", "f:1:1: 'role' stands more than once"),
        BadDocument("node:\n  name: a\n  name: b\n", "f:2:3: 'name' stands more than once"),
        BadDocument("a: 1\n---\nb: 2\n", "f:2:1: not YAML: but found another document"),
        BadDocument("a: *b\n", "f:1:4: not YAML: found undefined alias"),
    ])
    func notAConfiguration(_ document: BadDocument) { document.check() }

    @Test(arguments: [
        BadDocument(
            "pkcs11: {create: true}\n", "f: pkcs11.module: is missing", "f: pkcs11.token: is missing",
            "f: pkcs11.key-label: is missing, and so is key-id",
            "f: pkcs11.pin-file: is missing, and so is pin-credential"),
        BadDocument(
            "pkcs11: {module: m, token: t, key-id: 0x1, pin-file: /p, pin-credential: p}\n",
            "f:5:18: pkcs11.module: 'm' is not an absolute path",
            "f:5:39: pkcs11.key-id: '0x1' is not a key's ID of 1 to 64 bytes in hexadecimal",
            "f:5:74: pkcs11.pin-credential: stands beside pkcs11.pin-file; only one may"),
        BadDocument(
            "kubernetes: {audience: a b, service-accounts: [a, \"A:b\"]}\n", "f: kubernetes.server: is missing",
            "f: kubernetes.ca-file: is missing", "f: kubernetes.token-file: is missing",
            "f:5:24: kubernetes.audience: 'a b' is not an audience of 1 to 253 printable characters",
            "f:5:48: kubernetes.service-accounts: 'a' is not a service account such as podshield:node",
            "f:5:51: kubernetes.service-accounts: 'A:b' is not a service account such as podshield:node"),
        BadDocument(
            "tpm: {pcrs: [a]}\n",
            "f: tpm.keys-file: is missing, and so is ca-file: whose TPMs let a node join?",
            "f:5:14: tpm.pcrs: 'a' is not a register from 0 to 22 but 16, and its value, such as 7:0123... of 64 hexadecimal digits"
        ),
        resettable(16), resettable(23),
        BadDocument(
            "tpm: {keys-file: /c, pcrs: [\"7:\(Documents.fingerprint)\", \"7:\(Documents.fingerprint)\"]}\n",
            "f:5:28: tpm.pcrs: has register 7 twice"),
        BadDocument("upstream-disk: {key-file: /k}\n", "f: upstream-disk.certificate-file: is missing"),
        BadDocument(
            "upstream-disk: {certificate-file: /c, key-file: /k, key-credential: k}\n",
            "f:5:69: upstream-disk.key-credential: stands beside upstream-disk.key-file; only one may"),
        BadDocument(
            "kubernetes: {service-accounts: []}\n", "f: kubernetes.server: is missing",
            "f: kubernetes.ca-file: is missing",
            "f: kubernetes.token-file: is missing",
            "f:5:32: kubernetes.service-accounts: is missing: whose tokens let a node join?"),
        BadDocument(
            "upstream-vault-pki: {mount: /a, issuer: a/b, secret-id-file: /s}\n",
            "f: upstream-vault-pki.server: is missing", "f: upstream-vault-pki.ca-file: is missing",
            "f: upstream-vault-pki.token-file: is missing, and so is token-credential",
            "f:5:29: upstream-vault-pki.mount: '/a' is not a path such as transit or teams/transit",
            "f:5:41: upstream-vault-pki.issuer: 'a/b' is not a name of 1 to 63 letters, digits, '.', '_', '-'",
            "f:5:62: upstream-vault-pki.secret-id-file: says nothing without role-id"),
        BadDocument(
            "upstream-vault-pki: {server: v:1, ca-file: /c, token-file: /t}\nupstream-disk: {certificate-file: /c}\n",
            "f: upstream-disk and upstream-vault-pki both say who is above the CA"),
        BadDocument(
            "upstream-spire: {server: s}\n",
            "f: upstream-spire.workload-socket: is missing",
            "f:5:26: upstream-spire.server: 's' is not host:port, an IPv6 address in brackets"),
        BadDocument(
            "upstream-spire: {server: \"s:1\", workload-socket: /w}\ndownstream: {port: 7601, ca-lifetime: 1m}\n",
            "f:6:20: downstream.port: 7601 is the port of the authority too",
            "f:6:20: downstream.port: a CA that is signed on request has no other below it",
            "f:6:39: downstream.ca-lifetime: '1m' is not a time from 1h to 3650d, in s, m, h or d"),
        BadDocument(
            "vault: {mount: /a, secret-id-file: /s}\n", "f: vault.server: is missing", "f: vault.ca-file: is missing",
            "f: vault.token-file: is missing, and so is token-credential", "f: vault.key: is missing",
            "f:5:16: vault.mount: '/a' is not a path such as transit or teams/transit",
            "f:5:36: vault.secret-id-file: says nothing without role-id"),
        BadDocument(
            "vault: {server: v:1, ca-file: /c, key: k, role-id: r, token-file: /t}\n",
            "f: vault.secret-id-file: is missing, and so is secret-id-credential",
            "f:5:67: vault.token-file: stands beside vault.role-id; only one may"),
        BadDocument(
            "vault: {server: v:1, ca-file: /c, key: k, token-file: /t}\n"
                + "pkcs11: {module: /m, token: t, key-label: k, pin-file: /p}\n",
            "f: pkcs11 and vault both say where the CA's key is"),
    ])
    func keysInTokens(_ document: BadDocument) {
        BadDocument(Documents.authority + document.yaml, with: document.problems).check()
    }

    /// A register that any program may set back.
    private static func resettable(_ register: Int) -> BadDocument {
        let value = "\(register):\(Documents.fingerprint)"
        return BadDocument(
            "tpm: {keys-file: /c, pcrs: [\"\(value)\"]}\n",
            "f:5:29: tpm.pcrs: '\(value)' is not a register from 0 to 22 but 16, and its value, such as 7:0123... of 64 hexadecimal digits"
        )
    }

    @Test(arguments: [
        BadDocument("nod: 1\n", "f:6:1: 'nod' is no key; did you mean node?"),
        BadDocument(
            "link: {epoch-life-time: 1h}\n",
            "f:6:8: 'link.epoch-life-time' is no key; did you mean link.epoch-lifetime?"),
        BadDocument("Link: {}\n", "f:6:1: 'Link' is no key; did you mean link?"),
        BadDocument("frobnicate: 1\n", "f:6:1: 'frobnicate' is no key"),
        BadDocument("name: node-a\n", "f:6:1: 'name' is no key"),
        BadDocument("\"\\e[31m\": 1\n", "f:6:1: '\\u{1B}[31m' is no key"),
        BadDocument("link: 7\n", "f:6:7: link is not a mapping of keys to values"),
        BadDocument("link: [a]\n", "f:6:7: link is not a mapping of keys to values"),
        BadDocument("node.name: b\n", "f:6:1: 'node.name' is no key"),
        BadDocument("[a]: b\n", "f:6:1: a list or mapping is no key"),
    ])
    func keys(_ document: BadDocument) {
        BadDocument(Documents.standalone + document.yaml, with: document.problems).check()
    }

    @Test(arguments: [
        BadDocument("role: master\n", "f:6:7: role: 'master' is not standalone, authority or node"),
        BadDocument(
            "instance: a.b\n", "f:6:11: instance: 'a.b' is not an instance name of 1 to 64 letters, digits, '-', '_'"),
        BadDocument("log-level: loud\n", "f:6:12: log-level: 'loud' is not error, warning, notice, info or debug"),
        BadDocument("permissive: yes\n", "f:6:13: permissive: 'yes' is not true or false"),
        BadDocument("uplinks: eth0\n", "f:6:10: uplinks: is not a list"),
        BadDocument("uplinks: []\n", "f:6:10: uplinks: names no device"),
        BadDocument("uplinks: [eth0, a/b]\n", "f:6:17: uplinks: 'a/b' is not a device name of 1 to 15 characters"),
        BadDocument(
            "uplinks: [sixteen-letters-]\n",
            "f:6:11: uplinks: 'sixteen-letters-' is not a device name of 1 to 15 characters"),
        BadDocument(
            "link: {epoch-lifetime: 9s}\n",
            "f:6:24: link.epoch-lifetime: '9s' is not a time from 10s to 1d, in s, m, h or d"),
        BadDocument(
            "link: {epoch-lifetime: 25h}\n",
            "f:6:24: link.epoch-lifetime: '25h' is not a time from 10s to 1d, in s, m, h or d"),
        BadDocument(
            "link: {epoch-lifetime: 60}\n",
            "f:6:24: link.epoch-lifetime: '60' is not a time from 10s to 1d, in s, m, h or d"),
        BadDocument(
            "link: {epoch-lifetime: -60s}\n",
            "f:6:24: link.epoch-lifetime: '-60s' is not a time from 10s to 1d, in s, m, h or d"),
        BadDocument(
            "link: {epoch-lifetime: [1h]}\n",
            "f:6:24: link.epoch-lifetime: a list or mapping is not a time from 10s to 1d, in s, m, h or d"),
        BadDocument("datapath: {attachment: xdp}\n", "f:6:24: datapath.attachment: 'xdp' is not auto, tcx or clsact"),
        BadDocument(
            "datapath: {mark-mask: 0x5}\n",
            "f:6:23: datapath.mark-mask: '0x5' is not two or more adjacent bits of 32, such as 0x0c000000"),
        BadDocument(
            "datapath: {mark-mask: 0x4}\n",
            "f:6:23: datapath.mark-mask: '0x4' is not two or more adjacent bits of 32, such as 0x0c000000"),
        BadDocument(
            "datapath: {events-per-second: 0}\n",
            "f:6:31: datapath.events-per-second: '0' is not a number from 1 to 1000000"),
        BadDocument(
            "tables: {security-associations: 3}\n",
            "f:6:33: tables.security-associations: '3' is not a power of two from 2 to 65536"),
        BadDocument(
            "tables: {security-associations: 131072}\n",
            "f:6:33: tables.security-associations: '131072' is not a power of two from 2 to 65536"),
        BadDocument(
            "tables: {event-ring: 4096}\n",
            "f:6:22: tables.event-ring: '4096' is not a power of two from 65536 to 1073741824"),
        BadDocument("tables: {pods: many}\n", "f:6:16: tables.pods: 'many' is not a number from 1 to 65536"),
        BadDocument("paths: {state: var}\n", "f:6:16: paths.state: 'var' is not an absolute path"),
        BadDocument("authority: {port: 0}\n", "f:6:19: authority.port: '0' is not a port from 1 to 65535"),
        BadDocument("authority: {port: 65536}\n", "f:6:19: authority.port: '65536' is not a port from 1 to 65535"),
        BadDocument(
            "authority: {advertise: host}\n",
            "f:6:24: authority.advertise: 'host' is not host:port, an IPv6 address in brackets"),
        BadDocument(
            "authority: {advertise: \"2001:db8::1:7601\"}\n",
            "f:6:24: authority.advertise: '2001:db8::1:7601' is not host:port, an IPv6 address in brackets"),
        BadDocument(
            "authority: {advertise: \"h:0\"}\n",
            "f:6:24: authority.advertise: 'h:0' is not host:port, an IPv6 address in brackets"),
        BadDocument(
            "authority: {auto-register: all}\n",
            "f:6:28: authority.auto-register: 'all' is not none, own-node or all-nodes"),
        BadDocument(
            "authority: {workload-lifetime: 59s}\n",
            "f:6:32: authority.workload-lifetime: '59s' is not a time from 1m to 30d, in s, m, h or d"),
        BadDocument(
            "authority: {jwt-lifetime: 61m}\n",
            "f:6:27: authority.jwt-lifetime: '61m' is not a time from 10s to 1h, in s, m, h or d"),
        BadDocument(
            "authority: {jwt-issuer: \"https://a/?b\"}\n",
            "f:6:25: authority.jwt-issuer: 'https://a/?b' is not an https URL without query, fragment and final slash"),
        BadDocument(
            "authority: {name: ..}\n",
            "f:6:19: authority.name: '..' is not a name of 1 to 63 letters, digits, '.', '_', '-'"),
    ])
    func values(_ document: BadDocument) {
        BadDocument(Documents.standalone + document.yaml, with: document.problems).check()
    }

    @Test(arguments: [
        (
            "trust-domain: example.org", "trust-domain: Example.org",
            "f:1:15: trust-domain: 'Example.org' is not a trust domain: letters a to z, digits, '.', '-', '_'"
        ),
        ("trust-domain: example.org", "trust-domain:", "f:1:14: trust-domain: is missing"),
        (
            "10.42.0.0/16", "10.42.0.1/16",
            "f:2:13: protected: '10.42.0.1/16' is not a prefix such as 10.42.0.0/16 or fd42::/48, without host bits"
        ),
        ("[10.42.0.0/16, \"fd42::/48\"]", "[]", "f:2:12: protected: is missing: which prefixes hold pods?"),
        ("[10.42.0.0/16, \"fd42::/48\"]", "10.42.0.0/16", "f:2:12: protected: is not a list"),
        ("192.0.2.11", "192.0.2", "f:5:12: node.address: '192.0.2' is not an IP address of a machine"),
        ("192.0.2.11", "0.0.0.0", "f:5:12: node.address: '0.0.0.0' is not an IP address of a machine"),
        ("192.0.2.11", "ff02::1", "f:5:12: node.address: 'ff02::1' is not an IP address of a machine"),
        ("192.0.2.11", "10.42.0.1", "f:5:12: node.address: 10.42.0.1 lies inside 10.42.0.0/16, which is protected"),
        ("node-a", "node/a", "f:4:9: node.name: 'node/a' is not a name of 1 to 63 letters, digits, '.', '_', '-'"),
    ])
    func required(_ good: String, _ bad: String, _ problem: String) {
        BadDocument(Documents.standalone.replacing(good, with: bad), problem).check()
    }

    @Test(arguments: [
        BadDocument(
            "authority: {listen: 0.0.0.0}\n", "f: authority.advertise: is needed, since nobody can connect to 0.0.0.0"),
        BadDocument(
            "authority: {listen: 10.42.1.1}\n",
            "f:6:21: authority.listen: 10.42.1.1 lies inside 10.42.0.0/16, which is protected"),
        BadDocument(
            "authority: {advertise: \"[fd42::1]:7601\"}\n",
            "f:6:24: authority.advertise: fd42::1 lies inside fd42::/48, which is protected"),
        BadDocument("authority: {port: 7600}\n", "f:6:19: authority.port: 7600 is the port of the node link too"),
        BadDocument("join: {token: a}\n", "f:6:15: join.token: says nothing to role standalone"),
        BadDocument(
            "netns-helper: {socket: /a, executable: /b}\n",
            "f:6:40: netns-helper.executable: stands beside netns-helper.socket; only one may"),
        BadDocument(
            "tables: {protected-prefixes: 1}\n", "f:2:12: protected: 2 prefixes, tables.protected-prefixes is 1"),
        BadDocument(
            "paths: {run: /\(String(repeating: "r", count: 97))}\n",
            "f:6:14: paths.run: a socket's path would have more than 107 bytes"),
    ])
    func contradictions(_ document: BadDocument) {
        BadDocument(Documents.standalone + document.yaml, with: document.problems).check()
    }

    @Test(arguments: [
        BadDocument(
            "  token: a\n  token-file: /t\n", "f:11:15: join.token-file: stands beside join.token; only one may"),
        BadDocument("  token: s3cret key\n", "f:10:10: join.token: it is not a token of 1 to 128 characters"),
        BadDocument("authority: {port: 1}\n", "f:10:19: authority.port: says nothing to role node"),
        BadDocument(
            "  certificate-file: /c\n  key-file: /k\n  cluster-token-file: /t\n",
            "f:12:23: join.cluster-token-file: stands beside join.certificate-file; only one may"),
        BadDocument("kubernetes: {audience: a}\n", "f:10:24: kubernetes.audience: says nothing to role node"),
        BadDocument("tpm: {ca-file: /c}\n", "f:10:16: tpm.ca-file: says nothing to role node"),
        noTPM("/dev/tpmrm0"), noTPM("device:tpmrm0"), noTPM("device:/dev/tpm0"), noTPM("device:/dev//tpm12"),
        noTPM("cmd:/usr/bin/env"), noTPM("pcap:device:/dev/tpmrm0"), noTPM("libtss2-tcti-cmd.so:x"), noTPM("swtpm"),
        BadDocument(
            "  token: a\n  tpm: device:/dev/tpmrm0\n", "f:11:8: join.tpm: stands beside join.token; only one may"),
        BadDocument("etcd: {prefix: p}\n", "f:10:16: etcd.prefix: says nothing to role node"),
        BadDocument("x509pop: {ca-file: /c}\n", "f:10:20: x509pop.ca-file: says nothing to role node"),
        BadDocument("  certificate-file: /c\n", "f: join.key-file: is missing, and so is key-credential"),
        BadDocument("  key-file: /k\n", "f:10:13: join.key-file: says nothing without certificate-file"),
        BadDocument(
            "  token: a\n  certificate-file: /c\n  key-file: /k\n",
            "f:11:21: join.certificate-file: stands beside join.token; only one may"),
    ])
    func roleNode(_ document: BadDocument) {
        BadDocument(Documents.node + document.yaml, with: document.problems).check()
    }

    private static func noTPM(_ text: String) -> BadDocument {
        BadDocument(
            "  tpm: \(text)\n",
            "f:10:8: join.tpm: '\(text)' is not a TPM such as device:/dev/tpmrm0, a device with a resource manager, or swtpm:host=127.0.0.1,port=2321"
        )
    }

    @Test func roleNodeNeedsAnAuthority() {
        let yaml = Documents.node.replacing("192.0.2.11:7601", with: "10.42.0.9:7601")
            .replacing(Documents.fingerprint, with: "abcd")
        BadDocument(
            yaml, "f:8:14: join.authority: 10.42.0.9 lies inside 10.42.0.0/16, which is protected",
            "f:9:21: join.root-fingerprint: 'abcd' is not a SHA-256 fingerprint of 64 hexadecimal digits"
        ).check()
    }

    @Test func protectedPrefixesOfOneFamilyDoNotHoldTheOther() {
        BadDocument(
            Documents.standalone.replacing("10.42.0.0/16", with: "10.42.0.0/16, '::/0'"),
            "f:2:12: protected: ::/0 would take all of IPv4 with it: give the IPv6 prefixes that hold pods"
        ).check()
    }

    @Test func roleAuthorityHasNoNode() {
        BadDocument(
            Documents.authority.replacing("  listen: 192.0.2.1", with: "  port: 1")
                + "permissive: true\nnode: {name: a}\n",
            "f: authority.listen: is missing", "f:5:13: permissive: says nothing to role authority",
            "f:6:14: node.name: says nothing to role authority"
        ).check()
    }

    @Test func allProblemsAreReportedInTheOrderOfLines() {
        BadDocument(
            "role: x\nprotected: [a, 10.0.0.0/8, b]\nnode: {address: 10.1.1.1, link-port: x}\nfoo: 1\n",
            "f: trust-domain: is missing", "f: node.name: is missing",
            "f:1:7: role: 'x' is not standalone, authority or node",
            "f:2:13: protected: 'a' is not a prefix such as 10.42.0.0/16 or fd42::/48, without host bits",
            "f:2:28: protected: 'b' is not a prefix such as 10.42.0.0/16 or fd42::/48, without host bits",
            "f:3:17: node.address: 10.1.1.1 lies inside 10.0.0.0/8, which is protected",
            "f:3:38: node.link-port: 'x' is not a port from 1 to 65535", "f:4:1: 'foo' is no key"
        ).check()
    }

    @Test func permissiveNodesNeedNoPrefixes() throws {
        let yaml = "trust-domain: a\npermissive: true\nnode: {name: a, address: 192.0.2.1}\n"
        #expect(try PodshieldConfiguration(yaml: yaml, file: "f").protected == [])
    }

    @Test func emptySectionsAreNoSections() throws {
        _ = try PodshieldConfiguration(yaml: Documents.standalone + "link:\nauthority: ~\ntables: {}\n", file: "f")
    }
}

extension BadDocument {
    init(_ yaml: String, with problems: [String]) {
        self.yaml = yaml
        self.problems = problems
    }
}
