import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import SwiftProtobuf
import Testing
import WorkloadProtocol

@testable import WorkloadAPI

@Suite(.timeLimit(.minutes(1))) struct ReflectionTests {
    private typealias Client = Grpc_Reflection_V1_ServerReflection.Client<HTTP2ClientTransport.Posix>
    private typealias Question = Grpc_Reflection_V1_ServerReflectionRequest.OneOf_MessageRequest
    private typealias Answer = Grpc_Reflection_V1_ServerReflectionResponse

    private func ask(_ questions: [Question], metadata: Metadata = secured) async throws -> [Answer] {
        let server = try await TestServer()
        return try await server.withConnection { connection in
            try await Client(wrapping: connection).serverReflectionInfo(metadata: metadata) { writer in
                for question in questions { try await writer.write(.with { $0.messageRequest = question }) }
            } onResponse: { response in
                try await response.messages.reduce(into: []) { $0.append($1) }
            }
        }
    }

    private func files(_ answer: Answer) throws -> [String] {
        try answer.fileDescriptorResponse.fileDescriptorProto.map {
            try Google_Protobuf_FileDescriptorProto(serializedBytes: $0).name
        }
    }

    /// E-7: what is offered, and what is not the standard's is a service of its own; W-2: a service without a package.
    @Test func e7WhatIsOfferedIsToldAndDescribed() async throws {
        let answers = try await ask([
            .listServices(""), .fileContainingSymbol("SpiffeWorkloadAPI"), .fileByFilename("reflection.proto"),
            .fileContainingSymbol("SpiffeWorkloadAPI.FetchX509SVID"), .fileContainingSymbol("X509SVIDResponse"),
            .fileContainingSymbol("google.protobuf.Value"),
        ])
        #expect(
            answers.first?.listServicesResponse.service.map(\.name).sorted()
                == [
                    "SpiffeWorkloadAPI", "envoy.service.secret.v3.SecretDiscoveryService",
                    "grpc.reflection.v1.ServerReflection",
                ])
        let workload = ["workload.proto", "google/protobuf/struct.proto"]
        #expect(
            try answers.dropFirst().map(files) == [
                workload, ["reflection.proto"], workload, workload, ["google/protobuf/struct.proto"],
            ])
        let described = try #require(answers[1].fileDescriptorResponse.fileDescriptorProto.first)
        let file = try Google_Protobuf_FileDescriptorProto(serializedBytes: described)
        #expect(Set(file.service[0].method.map(\.name)) == Set(SpiffeWorkloadAPI.Method.descriptors.map(\.method)))
    }

    @Test func whatThereIsNotIsNotFound() async throws {
        let answers = try await ask([
            .fileByFilename("other.proto"), .fileContainingSymbol("Other"), .fileContainingSymbol(""),
            .allExtensionNumbersOfType("X509SVID"), .fileContainingExtension(.init()),
        ])
        #expect(answers.map(\.errorResponse.errorCode) == [5, 5, 5, 5, 5])
        #expect(answers[1].originalRequest.fileContainingSymbol == "Other")
    }

    /// E-2: reflection is a call like any other.
    @Test func e2ReflectionNeedsTheHeaderToo() async throws {
        #expect(await status { _ = try await ask([.listServices("")], metadata: []) } == .invalidArgument)
    }
}
