extension DaemonContext {
    /// Serves on a socket as a part of the daemon. Returns once others can connect; throws when it cannot listen.
    ///
    /// - Parameters:
    ///   - name: what the journal calls the part.
    ///   - place: what and where the socket is.
    ///   - isListening: waits until that is clear.
    func serve(
        _ name: String, at place: String, _ run: @escaping @Sendable () async throws -> Void,
        isListening: () async -> Bool
    ) async throws(StartError) {
        let running = Task { try await run() }
        guard await isListening() else {
            var reason = "it was told to stop"
            do { try await running.value } catch { reason = "\(error)" }
            throw .cannotBind(place, reason: reason)
        }
        components.start(name) { try await running.value }
    }
}
