public import Glibc

/// Files of one directory that change together: at every moment their names lead to files of one set.
///
/// Each name is a link through `..current`, which is a link to the directory that holds the set; that one link is what is
/// replaced. Other files in the directory are left alone. Who looks a name up in the moment of a replacement may find
/// nothing, and has to look again.
public struct FileSet: Sendable {
    public struct Member: Sendable {
        public let name: String
        public let contents: [UInt8]
        public let mode: mode_t

        public init(_ name: String, _ contents: [UInt8], mode: mode_t) {
            self.name = name
            self.contents = contents
            self.mode = mode
        }
    }

    private let directory: String
    private var current: String { "\(directory)/\(Self.currentName)" }

    private static let currentName = "..current"
    private static let setPrefix = "..set-"

    /// - Parameter directory: made with mode 0700 unless it is there; `EPERM` for one that others own or may write to, who
    ///   could have the files written elsewhere.
    public init(directory: String) { self.directory = directory }

    /// Replaces the set. `EEXIST` when one of the names is a file that is not of a set. C: `symlink`, `rename`.
    public func replace(with members: [Member]) throws(SystemError) {
        try makeDirectory(directory, ignoring: EEXIST)
        let lock = try FileDescriptor(opening: directory, O_RDONLY | O_DIRECTORY)
        try checkOwner(lock)
        try calling("flock", directory) { flock(lock.raw, LOCK_EX) }
        for member in members { try checkName(member.name) }
        let set = "\(Self.setPrefix)\(UInt64.random(in: 0 ... .max))"
        try write(members, to: set)
        try pointCurrent(at: set)
        for member in members { try link(member.name) }
        removeSets(except: set)
    }

    private func checkOwner(_ file: FileDescriptor) throws(SystemError) {
        var status = stat()
        try calling("fstat", directory) { unsafe fstat(file.raw, &status) }
        guard status.st_uid == geteuid() || status.st_uid == 0, status.st_mode & 0o022 == 0 else {
            throw SystemError(
                operation: "replace", code: EPERM, subject: directory, detail: "others own it or may write to it")
        }
    }

    private func write(_ members: [Member], to set: String) throws(SystemError) {
        try makeDirectory("\(directory)/\(set)")
        for member in members {
            try AtomicFile.write(member.contents, to: "\(directory)/\(set)/\(member.name)", mode: member.mode)
        }
    }

    private func pointCurrent(at set: String) throws(SystemError) {
        let new = "\(current).new"
        _ = unsafe unlink(new)
        try calling("symlink", new) { unsafe symlink(set, new) }
        try calling("rename", current) { unsafe rename(new, current) }
    }

    private func target(of name: String) -> String { "\(Self.currentName)/\(name)" }

    private func checkName(_ name: String) throws(SystemError) {
        let path = "\(directory)/\(name)"
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return }
        guard Self.readLink(path) == target(of: name) else {
            throw SystemError(
                operation: "replace", code: EEXIST, subject: path, detail: "it was not written by this program")
        }
    }

    private func link(_ name: String) throws(SystemError) {
        let path = "\(directory)/\(name)"
        guard Self.readLink(path) == nil else { return }
        try calling("symlink", path) { unsafe symlink(target(of: name), path) }
    }

    private func makeDirectory(_ path: String, ignoring ignored: Int32 = 0) throws(SystemError) {
        do throws(SystemError) {
            try calling("mkdir", path) { unsafe mkdir(path, 0o700) }
        } catch {
            guard error.code == ignored else { throw error }
        }
    }

    private static func readLink(_ path: String) -> String? {
        var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe target.withUnsafeMutableBytes {
            unsafe readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
        return count < 0 ? nil : String(decoding: target[..<count], as: UTF8.self)
    }

    /// Earlier sets, and what an interrupted run left.
    private func removeSets(except kept: String) {
        for name in Self.names(in: directory) where name.hasPrefix(Self.setPrefix) && name != kept {
            let set = "\(directory)/\(name)"
            for member in Self.names(in: set) { _ = unsafe unlink("\(set)/\(member)") }
            _ = unsafe rmdir(set)
        }
    }

    private static func names(in directory: String) -> [String] {
        guard let entries = unsafe opendir(directory) else { return [] }
        defer { unsafe closedir(entries) }
        var names: [String] = []
        while let entry = unsafe readdir(entries) {
            let bytes = unsafe withUnsafeBytes(of: entry.pointee.d_name) { unsafe Array($0.prefix { $0 != 0 }) }
            names.append(String(decoding: bytes, as: UTF8.self))
        }
        return names
    }
}
