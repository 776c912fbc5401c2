import CSystemd
import Glibc

/// What a unit of Type=notify tells systemd, and what systemd hands it.
public enum ServiceManager {
    /// Whether somebody waits for notifications (`NOTIFY_SOCKET`).
    public static var listens: Bool { unsafe getenv("NOTIFY_SOCKET") != nil }

    /// Whether this machine was booted with systemd. C: `sd_booted`.
    public static var isBooted: Bool { sd_booted() > 0 }

    public enum Notice: Hashable, Sendable {
        /// Sockets are bound and programs attached.
        case ready
        case stopping
        /// One line for `systemctl status`.
        case status(String)
        case watchdog
        /// `sd_notify(3)` ERRNO=.
        case failed(errno: Int32)

        var assignment: String {
            switch self {
            case .ready: "READY=1"
            case .stopping: "STOPPING=1"
            // A newline would start another assignment.
            case .status(let line): "STATUS=" + line.split(whereSeparator: \.isNewline).joined(separator: " ")
            case .watchdog: "WATCHDOG=1"
            case .failed(let errno): "ERRNO=\(errno)"
            }
        }
    }

    /// Sends the notices in one message; does nothing when nobody listens. C: `sd_notify`.
    public static func notify(_ notices: Notice...) throws(SystemdError) {
        let text = notices.map(\.assignment).joined(separator: "\n")
        let result = unsafe sd_notify(0, text)
        guard result >= 0 else { throw SystemdError(operation: "sd_notify", code: -result) }
    }

    /// How often at least `.watchdog` must be sent, or nil when the unit has no watchdog for this process.
    /// C: `sd_watchdog_enabled`.
    public static var watchdogInterval: Duration? {
        var microseconds: UInt64 = 0
        guard unsafe sd_watchdog_enabled(0, &microseconds) > 0 else { return nil }
        return .microseconds(microseconds)
    }

    /// The file of a credential (`LoadCredential=`, `LoadCredentialEncrypted=`), or nil when the unit has none at all.
    public static func credentialPath(_ name: String) -> String? {
        guard let directory = unsafe getenv("CREDENTIALS_DIRECTORY") else { return nil }
        return unsafe String(cString: directory) + "/" + name
    }

    /// A socket that systemd opened for us.
    public struct PassedDescriptor: Hashable, Sendable {
        public let name: String
        public let descriptor: Int32

        /// Whether it is a Unix stream socket that listens at the path. C: `sd_is_socket_unix`.
        public func listens(at path: String) -> Bool {
            unsafe sd_is_socket_unix(descriptor, Int32(SOCK_STREAM.rawValue), 1, path, 0) > 0
        }
    }

    /// The sockets of socket activation, in the unit's order; the caller owns them. To be asked once: the environment
    /// variables are removed so that no child believes they are its own. C: `sd_listen_fds_with_names`.
    public static func takePassedDescriptors() throws(SystemdError) -> [PassedDescriptor] {
        var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        let count = unsafe sd_listen_fds_with_names(1, &names)
        guard count >= 0 else { throw SystemdError(operation: "sd_listen_fds_with_names", code: -count) }
        guard count > 0, let names = unsafe names else { return [] }
        defer { unsafe free(names) }
        return (0..<Int(count)).map { index in
            defer { unsafe free(names[index]) }
            let name = unsafe names[index].map { unsafe String(cString: $0) } ?? ""
            return PassedDescriptor(name: name, descriptor: 3 + Int32(index))
        }
    }
}
