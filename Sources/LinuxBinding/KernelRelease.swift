import Glibc

/// Which Linux this is: the first two numbers of its release, such as 6.1. What comes behind them is the distributor's.
public struct KernelRelease: Hashable, Sendable, Comparable {
    public let major: Int
    public let minor: Int

    public init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Nil unless it begins with two numbers: `6.1.0-28-cloud-amd64`, `6.18`.
    public init?(_ text: String) {
        let numbers = text.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard numbers.count >= 2, let major = Int(numbers[0]), let minor = Int(numbers[1].prefix { $0.isNumber }) else {
            return nil
        }
        self.init(major, minor)
    }

    public static func < (a: Self, b: Self) -> Bool { (a.major, a.minor) < (b.major, b.minor) }

    /// The whole release of the kernel that runs, as `uname -r` prints it. C: `uname`.
    public static func current() throws(SystemError) -> String {
        var names = utsname()
        try calling("uname") { unsafe uname(&names) }
        return unsafe withUnsafeBytes(of: names.release) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}

extension KernelRelease: CustomStringConvertible {
    public var description: String { "\(major).\(minor)" }
}
