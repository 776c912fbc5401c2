import Glibc

/// Owns one file descriptor; closes it when the last reference goes.
final class Descriptor: Sendable {
    let raw: Int32

    init(owning raw: Int32) { self.raw = raw }

    deinit { close(raw) }
}
