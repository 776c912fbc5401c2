public import KeyAgreement
public import LinuxBinding

/// What the service takes from the machine it runs on.
public struct NodeLinkEnvironment: Sendable {
    /// `CLOCK_BOOTTIME`.
    let bootNanoseconds: @Sendable () -> BootNanoseconds
    let entropy: Entropy
    let bootID: [UInt8]

    /// - Parameter bootID: of the kernel's boot, 16 bytes.
    public init(
        bootNanoseconds: @escaping @Sendable () -> BootNanoseconds, entropy: Entropy, bootID: [UInt8]
    ) {
        self.bootNanoseconds = bootNanoseconds
        self.entropy = entropy
        self.bootID = bootID
    }

    /// This machine.
    public static func system() throws(SystemError) -> NodeLinkEnvironment {
        NodeLinkEnvironment(
            bootNanoseconds: { BootClock.nanoseconds }, entropy: .system, bootID: try BootIdentifier.read())
    }
}
