import Configuration
public import LinuxBinding
import SystemdBinding

/// Reads the one-time secret by which a node joins, from wherever the configuration says it is.
struct JoinToken {
    let source: PodshieldConfiguration.TokenSource?

    func read() throws(TokenError) -> String {
        switch source {
        case nil: throw .none
        case .text(let token): return token
        case .file(let path): return try word(in: try readPrivate(path), path)
        case .credential(let name):
            guard let path = ServiceManager.credentialPath(name) else { throw .noCredentials(name) }
            return try word(in: try readCredential(path), path)
        }
    }

    private static let largest = 4096

    private func readPrivate(_ path: String) throws(TokenError) -> [UInt8] {
        do throws(PrivateFileError) {
            return try PrivateFile(opening: path, largest: Self.largest).contents()
        } catch {
            throw .notPrivate(error)
        }
    }

    /// Its mode is the service manager's business.
    private func readCredential(_ path: String) throws(TokenError) -> [UInt8] {
        do throws(SystemError) { return try AtomicFile.read(path, limit: Self.largest) } catch {
            throw .unreadable(error)
        }
    }

    private func word(in text: [UInt8], _ path: String) throws(TokenError) -> String {
        let token = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard token.count == 1 else { throw .notOneWord(path) }
        return String(token[0])
    }
}

public enum TokenError: Error, Sendable, Equatable {
    case none
    /// The service manager passed no credentials.
    case noCredentials(String)
    case unreadable(SystemError)
    /// A file that others can read holds no secret.
    case notPrivate(PrivateFileError)
    case notOneWord(String)
}

extension TokenError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .none: "the configuration has no join token"
        case .noCredentials(let name): "credential \(name) was not passed by the service manager"
        case .unreadable(let error): "\(error)"
        case .notPrivate(let error): "\(error)"
        case .notOneWord(let path): "\(path) does not hold one token and nothing else"
        }
    }
}
