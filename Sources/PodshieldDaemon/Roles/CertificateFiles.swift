import Configuration
import LinuxBinding
import OpenSSLBinding

extension Certificate {
    /// The certificates of a PEM file by which others are trusted, one at least. Refused where others than root and this process's
    /// user may write it.
    ///
    /// - Parameter key: the setting that names the file.
    static func roots(in path: String, of key: ConfigurationKey) throws(StartError) -> [Certificate] {
        let text: [UInt8]
        do throws(PrivateFileError) { text = try GuardedFile.read(path) } catch {
            if case .system(let error) = error { throw .system(error) }
            throw .badSetting(key: key, reason: "\(error)")
        }
        return try parse(text, path, key)
    }

    /// The certificates of a PEM file that are shown to others, one at least.
    ///
    /// - Parameter key: the setting that names the file.
    static func chain(in path: String, of key: ConfigurationKey) throws(StartError) -> [Certificate] {
        let text: [UInt8]
        do throws(SystemError) { text = try AtomicFile.read(path, limit: 1 << 20) } catch { throw .system(error) }
        return try parse(text, path, key)
    }

    private static func parse(
        _ text: [UInt8], _ path: String, _ key: ConfigurationKey
    ) throws(StartError) -> [Certificate] {
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
