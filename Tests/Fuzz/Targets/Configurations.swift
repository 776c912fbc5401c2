internal import Configuration

/// A text is a configuration, or has problems of one line each; the same text always says the same.
func fuzzConfiguration(_ input: [UInt8]) {
    guard let text = String(validating: input, as: UTF8.self) else { return }
    let (first, second) = (read(text), read(text))
    precondition(first == second)
    switch first {
    case .success(let configuration):
        precondition(configuration.node != nil || configuration.authority != nil)
        precondition(configuration.paths.state.hasPrefix("/") && configuration.paths.run.hasPrefix("/"))
    case .failure(let error):
        precondition(!error.problems.isEmpty)
        precondition(error.problems.allSatisfy { isOneLine("\($0)") })
    }
}

private func read(_ text: String) -> Result<PodshieldConfiguration, ConfigurationError> {
    do throws(ConfigurationError) {
        return .success(try PodshieldConfiguration(yaml: text, file: "fuzz"))
    } catch {
        return .failure(error)
    }
}
