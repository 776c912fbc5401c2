import Telemetry

/// Starts the daemon, keeps it, and ends it: when it is told to, or when a part of it ends.
struct Supervision {
    private enum Happening: Sendable {
        case signal(DaemonSignal)
        case ended(Components.Ended)
        case started(Result<RunningDaemon, StartError>)
    }

    let context: DaemonContext
    /// Of the configuration.
    let path: String
    let signals: AsyncStream<DaemonSignal>

    /// Returns after an orderly stop.
    func run() async throws(StartError) {
        let (happenings, feed) = AsyncStream.makeStream(of: Happening.self)
        let (context, signals) = (context, signals)
        let feeders = [
            Task { for await signal in signals { _ = feed.yield(.signal(signal)) } },
            Task { for await ended in context.components.ended { _ = feed.yield(.ended(ended)) } },
            Task { _ = feed.yield(.started(await Self.start(context))) },
        ]
        let end = await follow(happenings)
        for feeder in feeders { feeder.cancel() }
        await context.components.stop(within: Self.patience)
        context.telemetry.flush()
        try end.get()
    }

    /// Less than what the service manager gives us.
    private static let patience = Duration.seconds(8)

    private static func start(_ context: DaemonContext) async -> Result<RunningDaemon, StartError> {
        do throws(StartError) { return .success(try await RunningDaemon.start(context)) } catch {
            return .failure(error)
        }
    }

    /// Reloads have a task of their own, for they may wait for what hangs, and who is told to stop waits for nothing. However often
    /// one is asked for meanwhile, one more is due. The file may have changed after the start read it: so is one that is asked for
    /// before.
    private func follow(_ happenings: AsyncStream<Happening>) async -> Result<Void, StartError> {
        var running: RunningDaemon?
        let (reloads, due) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        var reloading: Task<Void, Never>?
        for await happening in happenings {
            switch happening {
            case .started(.success(let started)):
                running = started
                context.reportReady()
                let reloader = Reloader(path: path, context: context, node: started.node)
                reloading = Task { for await _ in reloads { await reloader.reload() } }
            case .started(.failure(let error)): return .failure(error)
            case .signal(.reload): due.yield()
            case .signal(.stop):
                reloading?.cancel()
                await stop(running, "told to by a signal")
                return .success(())
            case .ended(let ended):
                reloading?.cancel()
                context.telemetry.record(.componentFailed(ended.name, reason: ended.reason))
                await stop(running, "\(ended.name) ended")
                return .failure(.componentEnded(ended.name, reason: ended.reason))
            }
        }
        return .success(())
    }

    private func stop(_ running: RunningDaemon?, _ reason: String) async {
        context.reportStopping(reason)
        await running?.stop()
    }
}
