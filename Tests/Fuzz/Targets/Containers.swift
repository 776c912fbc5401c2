internal import AuthorityAPI
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
