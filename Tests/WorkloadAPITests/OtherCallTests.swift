import AuthorityAPI
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import Glibc
import Testing
import WorkloadProtocol

@testable import WorkloadAPI

/// Calls of what is not served on this socket.
@Suite(.timeLimit(.minutes(1))) struct OtherCallTests {
    /// E-6: an unknown call is `Unimplemented`; so are those of the operators' socket, of the authority and of the brokers' one.
    @Test(arguments: [
        "SpiffeWorkloadAPI/FetchEverything", "SpiffeWorkloadAPI/fetchX509SVID",
        "spiffe.SpiffeWorkloadAPI/FetchX509SVID",
        "podshield.admin.v1.Admin/Status", "podshield.admin.v1.Admin/TokenGenerate",
        "podshield.authority.v1.Authority/Join", "spiffe.broker.API/FetchX509SVID", "nothing/Nothing",
    ])
    func e6WhatIsNotServedIsUnimplemented(_ call: String) async throws {
        let server = try await TestServer()
        try server.identities.add("web", [.userID(geteuid())])
        #expect(await answer(of: server, to: call) == .unimplemented)
        // One that is served, asked in the same way.
        #expect(await answer(of: server, to: "SpiffeWorkloadAPI/FetchJWTSVID") == .invalidArgument)
    }

    private func answer(of server: TestServer, to call: String) async -> RPCError.Code? {
        let names = call.split(separator: "/").map(String.init)
        let method = MethodDescriptor(fullyQualifiedService: names[0], method: names[1])
        return await status {
            try await server.withConnection { connection in
                _ = try await connection.unary(
                    request: ClientRequest(message: [UInt8](), metadata: secured), descriptor: method,
                    serializer: AsItIs(), deserializer: AsItIs(), options: .defaults
                ) { try $0.message }
            }
        }
    }
}

private struct AsItIs: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes { Bytes(message) }

    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> [UInt8] {
        unsafe bytes.withUnsafeBytes { unsafe Array($0) }
    }
}
