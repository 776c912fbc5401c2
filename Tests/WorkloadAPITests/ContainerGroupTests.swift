import AuthorityAPI
import Testing

@testable import WorkloadAPI

/// Which container a control group is of.
@Suite struct ContainerGroupTests {
    private static let id = String(repeating: "0123456789abcdef", count: 4)
    private static let other = String(repeating: "f", count: 64)
    private static let uid = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
    private static let slice = "kubepods-burstable-poda1b2c3d4_e5f6_7890_abcd_ef1234567890.slice"

    @Test(arguments: [
        "/kubepods/burstable/pod\(uid)/\(id)", "/kubepods/besteffort/pod\(uid)/\(id)", "/kubepods/pod\(uid)/\(id)",
        "/kubelet/kubepods/burstable/pod\(uid)/\(id)", "/kubepods/pod\(uid)/crio-\(id)",
        // A static pod's.
        "/kubepods/burstable/pod0123456789abcdef0123456789abcdef/\(id)",
        "/kubepods.slice/kubepods-burstable.slice/\(slice)/cri-containerd-\(id).scope",
        "/kubelet.slice/kubelet-kubepods.slice/\(slice)/cri-containerd-\(id).scope",
        "/kubepods.slice/\(slice)/crio-\(id).scope/container", "/kubepods.slice/\(slice)/docker-\(id).scope",
        // Of no pod.
        "/k8s.io/\(id)", "/docker/\(id)", "/system.slice/cri-containerd-\(id).scope",
        "/system.slice/docker-\(id).scope", "/\(id)",
    ])
    func theGroupOfAContainerNamesIt(path: String) { #expect(ContainerID(controlGroup: path)?.text == Self.id) }

    /// What it makes below its own it may call what it likes.
    @Test(arguments: [
        "/\(other)", "/kubepods/burstable/pod\(uid)/\(other)", "/cri-containerd-\(other).scope", "/../\(other)", "/x/y",
        "//\(other)", "/\u{301}",
        "/kubepods.slice/\(slice)/cri-containerd-\(other).scope", "/\(other) (deleted)",
    ])
    func aContainerCannotPoseAsAnother(below: String) {
        for path in [
            "/kubepods/burstable/pod\(Self.uid)/\(Self.id)", "/kubepods.slice/cri-containerd-\(Self.id).scope",
        ] {
            #expect(ContainerID(controlGroup: path + below)?.text == Self.id)
        }
    }

    /// Users' managers, services and machines have groups of their own, in which they may make any.
    @Test(arguments: [
        "/user.slice/user-1000.slice/user@1000.service/kubepods/burstable/pod\(uid)/\(id)",
        "/user.slice/user-1000.slice/user@1000.service/cri-containerd-\(id).scope",
        "/user.slice/user-1000.slice/session-1.scope/\(id)", "/system.slice/nginx.service/\(id)", "/init.scope/\(id)",
        // Combining characters are letters of their own: they do not make the slash another one.
        "/user.slice/user-1000.slice/user@1000.service/\u{301}x.slice/\(id)",
        "/system.slice/nginx.service/\u{200d}x.slice/kubepods/\(id)",
        "/machine.slice/machine-a.scope/kubepods/pod\(uid)/\(id)", "/lxc.payload.a/kubepods/pod\(uid)/\(id)",
        // Outside of what this process sees.
        "/../\(id)", "/../../kubepods/pod\(uid)/\(id)",
    ])
    func nobodyElsePosesAsAContainer(path: String) { #expect(ContainerID(controlGroup: path) == nil) }

    @Test(arguments: [
        "", "/", "//\(id)", id, "kubepods/\(id)", "/kubepods", "/kubepods/burstable/pod\(uid)", "/kubepods//\(id)",
        "/kubepods/pod\(uid)/\(id.dropLast())", "/kubepods/pod\(uid)/\(id)0", "/kubepods/pod\(uid)/\(id.uppercased())",
        "/kubepods/pod\(uid)/\(id) (deleted)", "/kubepods/podx/\(id)", "/kubepods/pod/\(id)", "/Kubepods/\(id)",
        // The one that looks after a container, and sandboxes of others.
        "/kubepods.slice/\(slice)/crio-conmon-\(id).scope", "/kubepods.slice/\(slice)/cri-containerd-\(id)",
        "/kubepods.slice/\(slice)/\(id).scope", "/machine.slice/libpod-\(id).scope", "/kubepods.slice/crio-.scope",
    ])
    func anythingElseIsNoContainer(path: String) { #expect(ContainerID(controlGroup: path) == nil) }
}
