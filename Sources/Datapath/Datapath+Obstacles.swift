import BPFBinding
import LinuxBinding

extension Datapath {
    /// The first Linux on which all that the programs need is there.
    static let oldestKernel = KernelRelease(6, 1)

    /// What keeps this machine and these settings from carrying the datapath, most fundamental first. Changes nothing, so
    /// that it can be asked before anything begins; that the kernel takes the programs is only known once it has.
    public static func obstacles(_ settings: DatapathSettings) -> [DatapathError] {
        [
            obstacle(checkKernel), obstacle(checkCapabilities),
            obstacle { () throws(DatapathError) in try check(settings) },
            obstacle { () throws(DatapathError) in try LoadedObject.check(settings) },
        ].compactMap(\.self)
    }

    private static func obstacle(_ check: () throws(DatapathError) -> Void) -> DatapathError? {
        do throws(DatapathError) { try check() } catch { return error }
        return nil
    }

    private static func checkKernel() throws(DatapathError) {
        let release = try system { () throws(SystemError) in try KernelRelease.current() }
        guard let kernel = KernelRelease(release), kernel >= oldestKernel else { throw .kernelTooOld(release) }
        guard MachineState.hasKernelTypes else { throw .kernelTypesMissing }
    }

    private static func checkCapabilities() throws(DatapathError) {
        let missing = try system { () throws(SystemError) in
            try Capability.missing(of: [.sysAdmin]).isEmpty ? [] : Capability.missing(of: [.bpf, .perfmon, .netAdmin])
        }
        guard missing.isEmpty else { throw .missingCapabilities(missing) }
    }

    private static func check(_ settings: DatapathSettings) throws(DatapathError) {
        let slots = settings.securityAssociations
        guard (2...65536).contains(slots), slots & (slots - 1) == 0 else { throw .badTableSize(slots) }
        guard BPFFileSystem.contains(settings.bpffs) else { throw .notBPFFS(settings.bpffs) }
    }
}
