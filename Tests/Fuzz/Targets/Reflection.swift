internal import Foundation
internal import SwiftProtobuf
internal import WorkloadAPI
internal import WorkloadProtocol

/// What a process asks to be told of a server's services. It is told of what is served there and no more, each file with all that it needs
/// and once, or that there is no such thing; and never much more than it has said itself.
func fuzzReflection(_ input: [UInt8]) {
    guard let place = input.first,
        let request = try? Grpc_Reflection_V1_ServerReflectionRequest(serializedBytes: Data(input.dropFirst()))
    else { return }
    let index: ReflectionIndex = place % 2 == 0 ? .ofWorkloadAPI : .ofBrokerAPI
    let answer = index.answer(to: request)
    precondition(answer.originalRequest == request && answer.validHost == request.host)
    precondition(size(answer) <= 2 * size(request) + (8 << 10))
    switch answer.messageResponse {
    case .listServicesResponse(let list):
        precondition(request.messageRequest.map { if case .listServices = $0 { true } else { false } } == true)
        precondition(list.service.map(\.name) == index.services)
    case .fileDescriptorResponse(let files): check(files.fileDescriptorProto, of: index)
    case .errorResponse(let error):
        // Not found; where nothing was asked, an invalid argument.
        precondition(error.errorCode == (request.messageRequest == nil ? 3 : 5))
        precondition(isOneLine(error.errorMessage) && error.errorMessage.unicodeScalars.count <= longestLine)
    case .allExtensionNumbersResponse, nil: preconditionFailure("nothing of ours has extensions")
    }
}

private func check(_ encoded: [Data], of index: ReflectionIndex) {
    let files = encoded.map { bytes in
        guard let file = try? Google_Protobuf_FileDescriptorProto(serializedBytes: bytes) else {
            preconditionFailure("what is no description")
        }
        return file
    }
    let names = files.map(\.name)
    precondition(!names.isEmpty && Set(names).count == names.count, "none, or one twice")
    precondition(files.flatMap(\.dependency).allSatisfy(names.contains), "it needs what is not there")
    let services = files.flatMap { file in
        file.service.map { file.package.isEmpty ? $0.name : "\(file.package).\($0.name)" }
    }
    precondition(services.allSatisfy(index.services.contains), "what is not served")
}

private func size(_ message: some Message) -> Int {
    let bytes: [UInt8]? = try? message.serializedBytes()
    return bytes?.count ?? .max
}
