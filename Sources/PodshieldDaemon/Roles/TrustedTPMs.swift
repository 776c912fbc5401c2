import Authority
import Configuration
import LinuxBinding
import Synchronization

extension TrustedTPMs {
    /// A list that makes no sense now is refused now; later it lets nobody in.
    init(_ settings: PodshieldConfiguration.TPMs) throws(StartError) {
        self.init(registers: settings.registers)
        if let file = settings.caFile {
            do throws(TPMIssuersError) { issuers = try TPMIssuers(contentsOf: file) } catch {
                throw .badSetting(key: .tpmCAFile, reason: "\(error)")
            }
        }
        guard let file = settings.keysFile else { return }
        let list = TPMList(file)
        do throws(TPMListFailure) { _ = try list.names() } catch {
            throw .badSetting(key: .tpmKeysFile, reason: error.reason)
        }
        names = { () throws(TPMListFailure) in try list.names() }
    }
}

/// A list in a file, read again when it has changed: strangers who ask cost no more than a look at that.
private final class TPMList: Sendable {
    private let file: String
    private let held = Mutex<(stamp: FileStamp, names: TPMNames)?>(nil)

    init(_ file: String) { self.file = file }

    func names() throws(TPMListFailure) -> TPMNames {
        // What is written after this look is seen by the next.
        let stamp: FileStamp
        do throws(SystemError) { stamp = try FileStamp(of: file) } catch { throw TPMListFailure("\(error)") }
        return try held.withLock { (held) throws(TPMListFailure) in
            if let held, held.stamp == stamp { return held.names }
            let names = try TPMNames(contentsOf: file)
            held = (stamp, names)
            return names
        }
    }
}
