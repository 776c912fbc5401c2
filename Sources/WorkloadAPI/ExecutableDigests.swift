internal import Crypto
internal import LinuxBinding
internal import PatientThreads
internal import PrintableText

/// SHA-256 of executables. One at a time is read, and none twice for as long as it is among the last ones asked for: whoever
/// calls again and again costs no more than once.
actor ExecutableDigests {
    private var known: [(version: ExecutableFile.Version, digest: String)] = []
    private var last: Task<String?, Never>?
    private let reader = PatientThreads(1)

    private static let most = 64
    /// Bytes of an executable that is read.
    private static let largest: Int64 = 1 << 30

    /// Lower-case hexadecimal; nil for a file that is too large, or changed or vanished while it was read.
    func digest(of file: ExecutableFile) async -> String? {
        guard file.byteCount <= Self.largest else { return nil }
        let previous = last
        let task = Task {
            _ = await previous?.value
            return await find(file)
        }
        last = task
        return await task.value
    }

    private func find(_ file: ExecutableFile) async -> String? {
        if let found = known.first(where: { $0.version == file.version }) { return found.digest }
        guard let digest = await read(file) else { return nil }
        known = [(file.version, digest)] + known.prefix(Self.most - 1)
        return digest
    }

    private func read(_ file: ExecutableFile) async -> String? {
        let digest = await reader.result { () throws(SystemError) -> String? in
            var hash = SHA256()
            var count: Int64 = 0
            try file.read { (chunk) in
                hash.update(data: Array(chunk))
                count += Int64(chunk.count)
            }
            return file.isUnchanged && count == file.byteCount ? hash.finalize().hexadecimal : nil
        }
        return try? digest?.get()
    }
}
