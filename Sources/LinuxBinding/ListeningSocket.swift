/// A Unix socket at which others connect.
public enum ListeningSocket: Hashable, Sendable {
    /// Made by who serves it.
    case own(path: String)
    /// systemd has made it and keeps it when the daemon ends: who connects meanwhile waits for the next one.
    case passed(descriptor: Int32)
}
