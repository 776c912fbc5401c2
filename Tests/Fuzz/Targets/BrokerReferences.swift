internal import AuthorityAPI
internal import SwiftProtobuf
internal import WorkloadAPI
internal import WorkloadProtocol

/// Whom a broker's request is for: what is accepted is a process with a number, or a pod by names and UIDs that pods can have.
func fuzzBrokerReference(_ input: [UInt8]) {
    guard let request = try? Spiffe_Broker_FetchJWTSVIDRequest(serializedBytes: input),
        let reference = try? WorkloadReference(request.reference)
    else { return }
    switch reference {
    case .process(let number):
        precondition(number > 0 && number <= UInt32(Int32.max))
    case .pod(let pod):
        precondition(pod.name != nil || pod.uid != nil)
        precondition(pod.name.map { PodFacts.isName($0.namespace) && PodFacts.isName($0.name) } != false)
        precondition(pod.uid.map { PodUID($0.text) == $0 && $0.text.utf8.count == 36 } != false)
    case .otherObject(let type):
        precondition(type.utf8.count <= 512)
    }
    // The journal has it in one line of printable letters.
    precondition("\(reference)".utf8.allSatisfy { (32...126).contains($0) })
}
