import NIOCore
import NIOPosix
import SystemdBinding

/// Feeds the service manager's watchdog as long as everything that must move does: the event loop of the sockets, and
/// whatever `pulse` asks.
struct Watchdog: Sendable {
    let pulse: @Sendable () async -> Void

    func run() async {
        guard let interval = ServiceManager.watchdogInterval else { return await Self.forever() }
        while !Task.isCancelled {
            _ = try? await MultiThreadedEventLoopGroup.singleton.any().submit {}.get()
            await pulse()
            // A manager that does not listen restarts us, whatever we do about it.
            try? ServiceManager.notify(.watchdog)
            try? await Task.sleep(for: interval / 3)
        }
    }

    private static func forever() async {
        while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
    }
}
