import CLinux

/// A few bytes of secret, overwritten when the last owner goes. No description, no copy.
@safe public final class SecretMemory {
    private let buffer: UnsafeMutableRawBufferPointer

    /// Zeros.
    public init(byteCount: Int) {
        unsafe buffer = .allocate(byteCount: byteCount, alignment: 8)
        unsafe buffer.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit {
        unsafe ps_linux_wipe(buffer.baseAddress, buffer.count)
        unsafe buffer.deallocate()
    }

    /// The memory, valid during the call only.
    public func withBytes<R, E: Error>(_ body: (UnsafeMutableRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try unsafe body(buffer)
    }
}

extension [UInt8] {
    /// Overwrites them: for a secret that a library takes as an array only. Nobody else may hold the array.
    public mutating func wipe() {
        unsafe withUnsafeMutableBytes { unsafe ps_linux_wipe($0.baseAddress, $0.count) }
    }
}
