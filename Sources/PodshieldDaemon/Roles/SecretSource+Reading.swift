import Configuration
import LinuxBinding
import OpenSSLBinding
import SystemdBinding

extension PodshieldConfiguration.SecretSource {
    /// What the file holds, without the newline that ends it.
    func read() throws(SecretError) -> SecretBytes {
        let whole = try contents(of: try path())
        let secret = unsafe whole.withUnsafeBytes { bytes in
            let count = unsafe bytes.last == UInt8(ascii: "\n") ? bytes.count - 1 : bytes.count
            return unsafe SecretBytes(count: count) { copy in
                unsafe copy.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            }
        }
        guard secret.count > 0 else { throw .empty("\(self)") }
        return secret
    }

    private func path() throws(SecretError) -> String {
        switch self {
        case .file(let path): return path
        case .credential(let name):
            guard let path = ServiceManager.credentialPath(name) else { throw .noCredential(name) }
            return path
        }
    }

    private static let largest = 4096

    private func contents(of path: String) throws(SecretError) -> SecretBytes {
        do throws(PrivateFileError) {
            let file = try PrivateFile(opening: path, largest: Self.largest)
            return try unsafe SecretBytes(count: file.byteCount) { (memory) throws(PrivateFileError) in
                unsafe try file.read(into: memory)
            }
        } catch {
            throw .file(error)
        }
    }
}

/// Why a secret cannot be read.
enum SecretError: Error, Equatable {
    case noCredential(String)
    case file(PrivateFileError)
    case empty(String)
}

extension SecretError: CustomStringConvertible {
    var description: String {
        switch self {
        case .noCredential(let name): "credential \(name) was not passed by the service manager"
        case .file(let error): "\(error)"
        case .empty(let source): "\(source) is empty"
        }
    }
}
