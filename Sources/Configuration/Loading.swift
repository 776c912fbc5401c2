import FoundationEssentials
import Glibc
import LinuxBinding

extension PodshieldConfiguration {
    /// Reads and checks a file.
    public init(path: String) throws(ConfigurationError) {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try AtomicFile.read(path, limit: Self.largestFile)
        } catch {
            var failure = ConfigurationError(path, "cannot be read: \(error.reason)")
            failure.isDenied = [EACCES, EPERM].contains(error.code)
            throw failure
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ConfigurationError(path, "is not UTF-8")
        }
        try self.init(yaml: text, file: path)
        try checkThatTokenIsPrivate(path)
    }

    /// Checks the text of a file; `file` is what problems name it.
    public init(yaml: String, file: String) throws(ConfigurationError) {
        var reader = ConfigurationReader(Document(yaml: yaml, file: file))
        guard let configuration = reader.configuration() else { throw ConfigurationError(reader.document.problems) }
        self = configuration
    }

    private static let largestFile = 1 << 18

    private func checkThatTokenIsPrivate(_ path: String) throws(ConfigurationError) {
        guard case .token(.text) = join?.credential else { return }
        let mode = (try? FileManager.default.attributesOfItem(atPath: path))?[.posixPermissions] as? Int ?? 0
        guard mode & 0o007 == 0 else {
            throw ConfigurationError(path, "holds a token and is open to everyone; make its mode 640 or 600")
        }
    }
}

extension ConfigurationError {
    init(_ file: String, _ message: String) {
        self.init(problems: [ConfigurationProblem(file: file, position: nil, message: message)])
    }

    init(_ problems: [ConfigurationProblem]) {
        let missing = problems.filter { $0.position == nil }
        let placed = problems.filter { $0.position != nil }
        self.init(problems: missing + placed.sorted { $0.position! < $1.position! })
    }
}
