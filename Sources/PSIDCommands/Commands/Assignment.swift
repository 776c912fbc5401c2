import ArgumentParser

/// `key=value` on the command line.
struct Assignment: ExpressibleByArgument {
    let key: String
    let value: String

    init?(argument: String) {
        guard let sign = argument.firstIndex(of: "="), sign != argument.startIndex else { return nil }
        key = String(argument[..<sign])
        value = String(argument[argument.index(after: sign)...])
    }
}

extension [Assignment] {
    /// A key that stands twice makes no sense.
    func labels() throws(ValidationError) -> [String: String] {
        let labels = Dictionary(map { ($0.key, $0.value) }) { first, _ in first }
        guard labels.count == count else { throw ValidationError("a label stands more than once") }
        return labels
    }
}
