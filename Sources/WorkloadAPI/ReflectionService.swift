internal import GRPCCore
internal import GRPCProtobuf
internal import WorkloadProtocol

/// gRPC's server reflection: under its own name, and under that of its first version, which many tools still ask and whose
/// messages are the same.
struct ReflectionService: RegistrableRPCService {
    private typealias Request = Grpc_Reflection_V1_ServerReflectionRequest
    private typealias Response = Grpc_Reflection_V1_ServerReflectionResponse

    private let index: ReflectionIndex

    init(_ index: ReflectionIndex) { self.index = index }

    private static let versions = ["v1", "v1alpha"]

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        for version in Self.versions {
            let service = ServiceDescriptor(fullyQualifiedService: "grpc.reflection.\(version).ServerReflection")
            router.registerHandler(
                forMethod: MethodDescriptor(
                    service: service, method: "ServerReflectionInfo", type: .bidirectionalStreaming),
                deserializer: ProtobufDeserializer<Request>(), serializer: ProtobufSerializer<Response>(),
                handler: { [index] request, _ in
                    StreamingServerResponse { writer in
                        for try await question in request.messages {
                            try await writer.write(index.answer(to: question))
                        }
                        return [:]
                    }
                })
        }
    }
}
