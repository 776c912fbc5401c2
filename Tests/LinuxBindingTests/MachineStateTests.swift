import Addressing
import Glibc
import LinuxBinding
import Testing

@Suite struct MachineStateTests {
    @Test(arguments: [
        ("6.1.0-28-cloud-amd64", KernelRelease(6, 1)), ("6.18", KernelRelease(6, 18)), ("7.0-rc1", KernelRelease(7, 0)),
        ("2.6.78-x", KernelRelease(2, 6)), ("6", nil), ("", nil), ("six.one", nil), ("6.", nil), (".1", nil),
    ])
    func releasesBeginWithTwoNumbers(_ text: String, _ release: KernelRelease?) {
        #expect(KernelRelease(text) == release)
    }

    @Test func releasesAreComparedByNumber() {
        #expect(KernelRelease(6, 1) < KernelRelease(6, 12))
        #expect(KernelRelease(5, 15) < KernelRelease(6, 1))
        #expect(!(KernelRelease(6, 1) < KernelRelease(6, 1)))
    }

    @Test func thisKernelHasARelease() throws {
        #expect(try KernelRelease(KernelRelease.current()) != nil)
    }

    @Test(arguments: ["127.0.0.1", "::1"], [MachineState.Transport.tcp, .udp])
    func takenPortsAreTold(_ text: String, _ transport: MachineState.Transport) throws {
        let address = try #require(IPAddress(text))
        let holder = try Holder(address, transport)
        #expect {
            try MachineState.checkFree(address, transport, port: holder.port)
        } throws: { ($0 as? SystemError)?.code == EADDRINUSE }
        // Another transport's ports are others.
        #expect(throws: Never.self) {
            try MachineState.checkFree(address, transport == .tcp ? .udp : .tcp, port: holder.port)
        }
        holder.release()
        #expect(throws: Never.self) { try MachineState.checkFree(address, transport, port: holder.port) }
    }

    @Test func addressesOfNobodyAreTold() throws {
        #expect {
            try MachineState.checkFree(#require(IPAddress("192.0.2.1")), .udp, port: 4500)
        } throws: { ($0 as? SystemError)?.code == EADDRNOTAVAIL }
    }

    @Test func roomIsTold() throws {
        #expect(try MachineState.freeBytes(at: "/tmp") > 0)
        #expect(throws: SystemError.self) { try MachineState.freeBytes(at: "/not-there") }
        #expect(throws: SystemError.self) { try MachineState.freeFiles(at: "/not-there") }
    }
}

/// A socket that has a port of loopback.
private final class Holder {
    let port: UInt16
    private let descriptor: Int32

    init(_ address: IPAddress, _ transport: MachineState.Transport) throws {
        let kind = transport == .tcp ? SOCK_STREAM : SOCK_DGRAM
        descriptor = socket(address.isIPv4 ? AF_INET : AF_INET6, Int32(kind.rawValue), 0)
        var storage = sockaddr_storage()
        let size = socklen_t(address.isIPv4 ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size)
        let bytes = address.packed
        unsafe withUnsafeMutableBytes(of: &storage) { raw in
            unsafe raw.storeBytes(of: sa_family_t(address.isIPv4 ? AF_INET : AF_INET6), as: sa_family_t.self)
            // sin_addr lies at 4, sin6_addr at 8.
            unsafe UnsafeMutableRawBufferPointer(rebasing: raw[(address.isIPv4 ? 4 : 8)...]).copyBytes(from: bytes)
        }
        // Not of those that the kernel gives out: it could give one to somebody else once it is released.
        var free: UInt16
        repeat {
            free = UInt16.random(in: 20000..<30000)
            unsafe withUnsafeMutableBytes(of: &storage) { raw in
                unsafe raw.storeBytes(of: free.bigEndian, toByteOffset: 2, as: UInt16.self)
            }
        } while !Self.bind(descriptor, &storage, size)
        port = free
        if transport == .tcp { precondition(listen(descriptor, 1) == 0) }
    }

    private static func bind(_ descriptor: Int32, _ storage: inout sockaddr_storage, _ size: socklen_t) -> Bool {
        unsafe withUnsafePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
                unsafe Glibc.bind(descriptor, name, size) == 0
            }
        }
    }

    func release() { close(descriptor) }
}
