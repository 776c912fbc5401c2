import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import Identity
import Issuance
import KernelTestSupport
import LinkTestSupport
import OpenSSLBinding
import PSIDCommands
import SwiftProtobuf
import Testing
import WorkloadProtocol

/// `psid api`, with a Workload API that answers what it was told to.
@Suite struct WorkloadAPITests {
    private static let id = "spiffe://td/ns/shop/sa/web"
    private static let domain = Result { try TestDomain() }

    private static func svid(_ account: String = "web", hint: String = "") throws -> (
        WorkloadProtocol.X509SVID, KeyedSVID
    ) {
        let domain = try domain.get()
        let made = try domain.workload(account, number: nil, on: domain.nodeID("a"))
        var svid = WorkloadProtocol.X509SVID()
        svid.spiffeID = made.svid.id.description
        svid.x509Svid = Data(made.svid.chain.flatMap(\.der))
        svid.x509SvidKey = Data("secret key".utf8)
        svid.bundle = Data(domain.bundle.authorities.flatMap(\.der))
        svid.hint = hint
        return (svid, made)
    }

    @Test func whatAProcessMayHaveIsShown() async throws {
        let (first, made) = try Self.svid(hint: "internal")
        let (second, _) = try Self.svid("other")
        let api = WorkloadAPI { $0.svids = [[first, second]] }
        let outcome = try await psid("api", "fetch", to: api)
        #expect(outcome.status == .success && outcome.messages == "")
        #expect(
            outcome.output.hasPrefix("\(Self.id)\n  hint        internal\n  serial      \(made.svid.leaf.serialHex)\n"))
        #expect(outcome.output.contains("spiffe://td/ns/shop/sa/other\n  serial"))
        let chosen = try await psid("api", "fetch", "x509", "--spiffe-id", second.spiffeID, to: api)
        #expect(chosen.output.hasPrefix("\(second.spiffeID)\n") && !chosen.output.contains(Self.id))
        let none = try await psid("api", "fetch", "--spiffe-id", "spiffe://td/x", to: api)
        #expect(none.status == .notFound && none.messages == "psid: this process has no SVID of spiffe://td/x\n")
    }

    @Test(arguments: ["table", "json"]) func oneIsWrittenWithItsKey(_ format: String) async throws {
        let directory = try TemporaryDirectory()
        let (svid, made) = try Self.svid()
        let out = directory.path + "/svid"
        let outcome = try await psid(
            "api", "fetch", "x509", "--out", out, "-o", format, to: WorkloadAPI { $0.svids = [[svid]] })
        let key = "c2VjcmV0IGtleQ=="
        #expect(outcome.status == .success && !outcome.output.contains(key))
        #expect(try String(contentsOfFile: "\(out)/svid.key", encoding: .utf8).contains(key))
        let written = try Certificate.parsePEMChain(String(contentsOfFile: "\(out)/svid.pem", encoding: .utf8))
        #expect(written == made.svid.chain)
        let roots = try Certificate.parsePEMChain(String(contentsOfFile: "\(out)/bundle.pem", encoding: .utf8))
        #expect(try roots == Self.domain.get().bundle.authorities)
    }

    /// By SPIRE's names: each SVID, and beside it every other trust domain's roots in the order of their names.
    @Test(arguments: ["-write", "--write"]) func eachIsWrittenWithItsKey(_ flag: String) async throws {
        let directory = try TemporaryDirectory()
        let (first, second) = try (Self.svid(), Self.svid("other"))
        let bundles = ["spiffe://b.example": first.0.bundle, "spiffe://a.example": first.0.bundle + first.0.bundle]
        let response = X509SVIDResponse.with {
            $0.svids = [first.0, second.0]
            $0.federatedBundles = bundles
        }
        let out = directory.path + "/svids"
        let outcome = try await psid("api", "fetch", "x509", flag, out, to: WorkloadAPI { $0.messages = [response] })
        #expect(outcome.status == .success, "\(outcome.messages)")
        func certificates(_ name: String) throws -> [Certificate] {
            try Certificate.parsePEMChain(String(contentsOfFile: "\(out)/\(name).pem", encoding: .utf8))
        }
        for (number, made) in [first.1, second.1].enumerated() {
            #expect(try certificates("svid.\(number)") == made.svid.chain)
            #expect(try certificates("bundle.\(number)") == Self.domain.get().bundle.authorities)
            #expect(try certificates("federated_bundle.\(number).0").count == 2)
            #expect(try certificates("federated_bundle.\(number).1").count == 1)
            let key = "\(out)/svid.\(number).key"
            #expect(try String(contentsOfFile: key, encoding: .utf8).contains("c2VjcmV0IGtleQ=="))
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(out)/..current/svid.\(number).key")
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: out).filter { !$0.hasPrefix(".") }
        #expect(names.count == 10)
    }

    @Test func whoHasNothingIsDenied() async throws {
        let api = WorkloadAPI { $0.error = RPCError(code: .permissionDenied, message: "no identity issued") }
        for command in [["fetch"], ["watch"], ["fetch", "jwt", "--audience", "a"]] {
            let outcome = try await psid(["api"] + command, to: api)
            #expect(outcome.status == .denied && outcome.messages == "psid: no identity issued\n")
        }
    }

    @Test func whatIsNoCertificateIsSaid() async throws {
        var (svid, _) = try Self.svid()
        svid.x509Svid.removeLast()
        let outcome = try await psid("api", "fetch", to: WorkloadAPI { [svid] in $0.svids = [[svid]] })
        #expect(outcome.status == .failure && outcome.output == "")
    }

    @Test func everyChangeIsALine() async throws {
        let (first, second) = try (Self.svid().0, Self.svid().0)
        let outcome = try await psid(
            "api", "watch", "-o", "json", to: WorkloadAPI { $0.svids = [[first], [first, second]] })
        let lines = outcome.output.split(separator: "\n")
        #expect(lines.count == 2 && lines.allSatisfy { $0.contains(Self.id) })
        #expect(outcome.status == .notReachable && outcome.messages == "psid: podshield-idd has stopped\n")
    }

    /// W-4: what is left out of a message is gone; of the one before nothing is kept.
    @Test(arguments: ["table", "json"]) func w4WhatIsLeftOutIsGone(_ format: String) async throws {
        let (first, second) = try (Self.svid(hint: "internal").0, Self.svid("other").0)
        var bare = first
        bare.hint = ""
        let partner = "spiffe://partner.example"
        let all = X509SVIDResponse.with {
            $0.svids = [first, second]
            $0.federatedBundles = [partner: first.bundle]
        }
        let left = X509SVIDResponse.with { [bare] in $0.svids = [bare] }
        let outcome = try await psid(
            "api", "watch", "-o", format, to: WorkloadAPI { $0.messages = [all, left, .init()] })
        let words = ["internal", second.spiffeID, partner]
        let text = try #require(outcome.output.ranges(of: Self.id).last)
        for word in words {
            #expect(outcome.output.ranges(of: word).count == 1 && outcome.output.contains(word), "\(word)")
            #expect(!outcome.output[text.lowerBound...].contains(word), "\(word)")
        }
        #expect(outcome.output.ranges(of: Self.id).count == 2)
        // The last message, of nothing, is told as well where each has its line.
        if format == "json" { #expect(outcome.output.hasSuffix("\"svids\":[]}\n")) }
    }

    @Test func tokensAreLines() async throws {
        let api = WorkloadAPI {
            $0.tokens = [
                .with { ($0.spiffeID, $0.svid, $0.hint) = (Self.id, "a.b.c", "internal") }, .with { $0.svid = "d.e.f" },
            ]
        }
        let outcome = try await psid("api", "fetch", "jwt", "--audience", "x", to: api)
        #expect(outcome.output == "a.b.c\nd.e.f\n")
        let json = try await psid("api", "fetch", "jwt", "--audience", "x", "-o", "json", to: api)
        #expect(json.output.contains("\"hint\" : \"internal\"") && json.output.contains("\"token\" : \"d.e.f\""))
    }

    @Test func aTokenIsJudged() async throws {
        let api = WorkloadAPI {
            $0.validated.spiffeID = Self.id
            $0.validated.claims.fields = [
                "aud": .with { $0.listValue.values = [.with { $0.stringValue = "x" }] },
                "exp": .with { $0.numberValue = 1_764_098_477 }, "sub": .with { $0.stringValue = Self.id },
            ]
        }
        let outcome = try await psid("api", "validate", "jwt", "--audience", "x", "--svid", "a.b.c", to: api)
        #expect(
            outcome.output == """
                \(Self.id)
                  aud  ["x"]
                  exp  1764098477
                  sub  \(Self.id)

                """)
        let refused = WorkloadAPI { $0.error = RPCError(code: .invalidArgument, message: "the token has expired") }
        let answer = try await psid("api", "validate", "jwt", "--audience", "x", "--svid", "a", to: refused)
        #expect(answer.status == .failure && answer.messages.contains("the token has expired"))
    }

    @Test(arguments: [
        ["fetch", "jwt"], ["validate", "jwt", "--audience", "a"], ["validate", "jwt", "--svid", "a"],
        ["fetch", "--endpoint", "tcp://localhost:80"], ["fetch", "--endpoint", "unix://relative"],
        ["fetch", "--endpoint", ""],
    ])
    func whatIsMissingOrWrongIsUsage(_ arguments: [String]) async {
        #expect(await psid(["api"] + arguments).status == .usage)
    }

    @Test func nobodyListens() async {
        let outcome = await psid(["api", "fetch", "--endpoint", "unix:/nonexistent/api.sock"])
        #expect(outcome.status == .notReachable)
        #expect(outcome.messages.hasPrefix("psid: /nonexistent/api.sock: "))
    }
}
