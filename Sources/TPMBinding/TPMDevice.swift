public import TrustedPlatform

/// A TPM that libtss2 finds.
public struct TPMDevice: TPMSource {
    /// As tss2-tctildr(7) has it, such as `device:/dev/tpmrm0`.
    public var configuration: String

    public init(configuration: String) { self.configuration = configuration }

    public func open() throws(TPMError) -> any AttestingTPM { try OpenedTPM(self) }
}
