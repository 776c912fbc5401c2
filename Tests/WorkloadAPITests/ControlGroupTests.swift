import Testing

@testable import WorkloadAPI

@Suite struct ControlGroupTests {
    @Test(arguments: [
        ("/system.slice/nginx.service", "nginx.service"),
        ("/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"),
        ("/system.slice/nginx.service/workers", "nginx.service"),
        ("/system.slice/_cgroup.service", "cgroup.service"),
        ("/system.slice/docker-0123.scope", "docker-0123.scope"),
        ("/init.scope", "init.scope"),
    ])
    func theUnitIsTheOneThatSystemdMade(path: String, unit: String) { #expect(ControlGroup.unit(of: path) == unit) }

    /// A user's manager may call the groups below its own what it likes, and so may a container's.
    @Test(arguments: [
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/nginx.service", "user@1000.service"),
        ("/user.slice/user-1000.slice/user@1000.service/nginx.service", "user@1000.service"),
        ("/machine.slice/machine-a.scope/payload/system.slice/nginx.service", "machine-a.scope"),
        ("/system.slice/docker-0123.scope/system.slice/nginx.service", "docker-0123.scope"),
        // Combining characters are letters of their own: they do not make the slash another one.
        ("/user.slice/user@1000.service/\u{301}x.slice/nginx.service", "user@1000.service"),
        ("/system.slice/docker-0123.scope/\u{200d}.slice/nginx.service", "docker-0123.scope"),
    ])
    func aGroupThatImitatesAnotherUnitIsStillItsOwners(path: String, unit: String) {
        #expect(ControlGroup.unit(of: path) == unit)
    }

    @Test(arguments: [
        "/", "", "/system.slice", "/nginx", "/kubepods/pod1/nginx.service", "/../nginx.service", "nginx.service",
        "/nginx.mount",
    ])
    func whatSystemdDidNotMakeIsNoUnit(path: String) { #expect(ControlGroup.unit(of: path) == nil) }
}
