internal import Foundation
internal import GRPCCore
internal import PrintableText
internal import SwiftProtobuf
package import WorkloadProtocol

/// What there is to tell of this server's services, by name.
package struct ReflectionIndex: Sendable {
    private var files: [String: Google_Protobuf_FileDescriptorProto] = [:]
    /// Name of the file that declares it.
    private var symbols: [String: String] = [:]
    package let services: [String]

    /// Of a node's socket for workloads.
    package static let ofWorkloadAPI = ReflectionIndex(serving: [
        SpiffeWorkloadAPI.descriptor, Envoy_Service_Secret_V3_SecretDiscoveryService.descriptor,
    ])

    package static let ofBrokerAPI = ReflectionIndex(serving: [Spiffe_Broker_API.descriptor])

    /// Of the descriptors that are built in, but for files of services that are not among these; reflection's own is.
    private init(serving services: [ServiceDescriptor]) {
        let bytes = Data(base64Encoded: workloadDescriptors) ?? Data()
        let served = services + [Grpc_Reflection_V1_ServerReflection.descriptor]
        self.init(
            Google_Protobuf_FileDescriptorSet(builtIn: bytes), serving: Set(served.map(\.fullyQualifiedService)))
    }

    private init(_ set: Google_Protobuf_FileDescriptorSet, serving served: Set<String>) {
        let shown = set.file.filter { file in file.service.allSatisfy { served.contains(file.qualified($0.name)) } }
        services = shown.flatMap { file in file.service.map { file.qualified($0.name) } }
        for file in shown {
            files[file.name] = file
            for symbol in file.symbols { symbols[symbol] = file.name }
        }
    }

    package func answer(
        to request: Grpc_Reflection_V1_ServerReflectionRequest
    ) -> Grpc_Reflection_V1_ServerReflectionResponse {
        var answer = Grpc_Reflection_V1_ServerReflectionResponse()
        answer.validHost = request.host
        answer.originalRequest = request
        switch request.messageRequest {
        case .listServices: answer.listServicesResponse.service = services.map { name in .with { $0.name = name } }
        case .fileByFilename(let name): answer.tell(files(from: name), of: name)
        case .fileContainingSymbol(let name): answer.tell(symbols[name].map(files(from:)) ?? [], of: name)
        // There are none.
        case .fileContainingExtension(let wanted): answer.tell([], of: wanted.containingType)
        case .allExtensionNumbersOfType(let name): answer.tell([], of: name)
        case nil: answer.fail(.invalidArgument, "the request asks nothing")
        }
        return answer
    }

    /// A file and all that it needs, each once; empty when there is none of that name.
    private func files(from name: String) -> [Google_Protobuf_FileDescriptorProto] {
        var names = files[name] == nil ? [] : [name]
        var next = 0
        while next < names.count {
            for needed in files[names[next]]?.dependency ?? [] where !names.contains(needed) { names.append(needed) }
            next += 1
        }
        return names.compactMap { files[$0] }
    }
}

extension Google_Protobuf_FileDescriptorSet {
    /// What was built with this program and cannot be read is a fault of the build.
    fileprivate init(builtIn bytes: Data) {
        do {
            try self.init(serializedBytes: bytes)
        } catch {
            preconditionFailure("the built-in descriptors: \(error)")
        }
    }
}

extension Google_Protobuf_FileDescriptorProto {
    fileprivate func qualified(_ name: String) -> String { package.isEmpty ? name : "\(package).\(name)" }

    /// Full names of services, methods, messages and enumerations.
    fileprivate var symbols: [String] {
        let services = service.flatMap { service in
            [service.name] + service.method.map { "\(service.name).\($0.name)" }
        }
        return (services + messageType.flatMap(\.symbols) + enumType.map(\.name)).map(qualified)
    }
}

extension Google_Protobuf_DescriptorProto {
    fileprivate var symbols: [String] {
        [name] + (nestedType.flatMap(\.symbols) + enumType.map(\.name)).map { "\(name).\($0)" }
    }
}

extension Grpc_Reflection_V1_ServerReflectionResponse {
    fileprivate mutating func tell(_ files: [Google_Protobuf_FileDescriptorProto], of name: String) {
        let encoded = files.compactMap { try? $0.serializedData() }
        guard !encoded.isEmpty else { return fail(.notFound, "there is no \(name.quoted)") }
        fileDescriptorResponse.fileDescriptorProto = encoded
    }

    fileprivate mutating func fail(_ code: RPCError.Code, _ message: String) {
        errorResponse.errorCode = Int32(code.rawValue)
        errorResponse.errorMessage = message
    }
}
