import Configuration
import LinuxBinding
import OpenSSLBinding

extension Certificate {
    /// The certificates of a PEM file, one at least.
    ///
    /// - Parameter key: the setting that names the file.
    static func chain(in path: String, of key: ConfigurationKey) throws(StartError) -> [Certificate] {
        let text: [UInt8]
        do throws(SystemError) { text = try AtomicFile.read(path, limit: 1 << 20) } catch { throw .system(error) }
        let chain: [Certificate]
        do throws(OpenSSLError) {
            chain = try parsePEMChain(String(decoding: text, as: UTF8.self))
        } catch {
            throw .badSetting(key: key, reason: "\(path): \(error)")
        }
        guard !chain.isEmpty else { throw .badSetting(key: key, reason: "\(path) holds no certificate") }
        return chain
    }
}
