import Glibc
import LinuxBinding

/// A port of 127.0.0.1 that nobody listens on at the moment.
public func freePort() throws -> UInt16 {
    let raw = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(raw) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
            unsafe bind(raw, generic, size) + getsockname(raw, generic, &size)
        }
    }
    guard result == 0 else { throw SystemError(operation: "bind", code: errno) }
    return UInt16(bigEndian: address.sin_port)
}
