internal import Glibc

/// Names of users and groups, as this machine has them (nsswitch.conf(5)).
public enum Account {
    /// Nil for a number without a name. May wait for a directory service. C: `getpwuid_r`.
    public static func userName(_ user: UInt32) -> String? {
        var entry = unsafe passwd()
        return unsafe look { memory, size in
            var found: UnsafeMutablePointer<passwd>?
            let code = unsafe getpwuid_r(user, &entry, memory, size, &found)
            return unsafe (code, found.map { unsafe String(cString: $0.pointee.pw_name) })
        }
    }

    /// The same for a group. C: `getgrgid_r`.
    public static func groupName(_ group: UInt32) -> String? {
        var entry = unsafe Glibc.group()
        return unsafe look { memory, size in
            var found: UnsafeMutablePointer<Glibc.group>?
            let code = unsafe getgrgid_r(group, &entry, memory, size, &found)
            return unsafe (code, found.map { unsafe String(cString: $0.pointee.gr_name) })
        }
    }

    /// With more memory as long as the entry does not fit: one of a large group has all of its members.
    private static func look(
        _ body: (UnsafeMutablePointer<CChar>, Int) -> (code: Int32, name: String?)
    ) -> String? {
        var size = 1024
        while size <= 1 << 20 {
            let memory = UnsafeMutablePointer<CChar>.allocate(capacity: size)
            defer { unsafe memory.deallocate() }
            let (code, name) = unsafe body(memory, size)
            guard code == ERANGE else { return name }
            size *= 4
        }
        return nil
    }
}
