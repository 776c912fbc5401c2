import SystemdBinding

/// Where psid connects.
enum AdminSocket: Sendable {
    /// The daemon makes it.
    case own(path: String)
    /// systemd has made it and keeps it when the daemon ends: who connects meanwhile waits for the next one.
    case passed(descriptor: Int32)

    /// Takes over what systemd has passed, if anything. To be asked once.
    ///
    /// - Parameter path: where the configuration has it.
    static func take(path: String) throws(StartError) -> AdminSocket {
        let passed: [ServiceManager.PassedDescriptor]
        do throws(SystemdError) { passed = try ServiceManager.takePassedDescriptors() } catch {
            throw .cannotBind("the admin socket \(path)", reason: "\(error)")
        }
        guard let first = passed.first else { return .own(path: path) }
        guard passed.count == 1, first.listens(at: path) else {
            throw .otherSocketsPassed(passed.map(\.name), path: path)
        }
        return .passed(descriptor: first.descriptor)
    }
}
