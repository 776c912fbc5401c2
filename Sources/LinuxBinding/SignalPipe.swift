internal import CLinux
internal import Glibc

/// Signals that wait to be read. None is lost that comes once there is one of these, whoever reads it when; in a process that is one.
public struct SignalPipe: Sendable {
    private let end: FileDescriptor

    /// Takes these signals over from their defaults. C: `sigaction`, `pipe2`.
    public init(taking numbers: [Int32]) throws(SystemError) {
        end = FileDescriptor(
            owning: try checking("sigaction", nil, unsafe ps_linux_take_signals(numbers, numbers.count)))
    }

    /// Can be read when there are some.
    public var descriptor: Int32 { end.raw }

    /// Those that have come since; none when there are none. C: `read`.
    public func read() -> [Int32] {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = unsafe Glibc.read(end.raw, &bytes, bytes.count)
        return bytes[..<max(count, 0)].map(Int32.init)
    }
}
