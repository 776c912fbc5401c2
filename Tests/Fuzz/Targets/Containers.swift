internal import AuthorityAPI
internal import CRIAPI
internal import ContainerRuntime
internal import SwiftProtobuf
internal import WorkloadAPI

/// A control group, as `/proc/PID/cgroup` has it. Who is in a container stays in it whatever is made below its group; and groups that
/// are not the system's lead to none.
func fuzzContainerGroup(_ input: [UInt8]) {
    let path = String(decoding: input, as: UTF8.self)
    precondition(ContainerID(controlGroup: "/user.slice/user-1000.slice/user@1000.service/\(path)") == nil)
    guard let id = ContainerID(controlGroup: path) else { return }
    precondition(path.hasPrefix("/") && path.contains(id.text) && id.text.utf8.count == 64)
    let other = String(repeating: id.text.hasPrefix("f") ? "e" : "f", count: 64)
    for name in [other, "cri-containerd-\(other).scope", "..", ""] {
        precondition(ContainerID(controlGroup: "\(path)/\(name)") == id)
    }
}

/// What a container runtime answers about a container: what is left of it are values that selectors can have, and no others.
func fuzzContainerStatus(_ input: [UInt8]) {
    guard let answer = try? Runtime_V1_ContainerStatusResponse(serializedBytes: input) else { return }
    let facts = ContainerFacts(answer.status)
    precondition(facts.images.count <= 2)
    for image in facts.images {
        precondition(Selector("k8s:container-image:\(image)") == .containerImage(image))
    }
    if let name = facts.name { precondition(Selector("k8s:container-name:\(name)") == .containerName(name)) }
    guard let pod = facts.pod else { return }
    precondition(answer.status.labels["io.kubernetes.pod.name"] == pod.name)
    precondition(pod.uid.map { PodUID($0.text) == $0 } != false)
}
