internal import PrintableText
import Yams

/// Reading one value. What does not fit is reported and answered as nil or the default, so that the rest is still read.
extension Document {
    func has(_ key: ConfigurationKey) -> Bool { nodes[key].map { !$0.isAbsent } ?? false }

    /// The scalar as it is written.
    func text(_ key: ConfigurationKey) -> String? { nodes[key]?.scalar?.string }

    /// The scalars of a list, or of one by itself, as they are written.
    func texts(_ key: ConfigurationKey) -> [String] {
        nodes[key].map { node in (node.sequence.map(Array.init) ?? [node]).compactMap { $0.scalar?.string } } ?? []
    }

    func isEmptyList(_ key: ConfigurationKey) -> Bool { nodes[key]?.sequence?.isEmpty ?? false }

    mutating func value<Value>(_ key: ConfigurationKey, _ kind: Kind<Value>, default fallback: Value) -> Value {
        value(key, kind) ?? fallback
    }

    /// Reports that it is missing, too.
    mutating func required<Value>(_ key: ConfigurationKey, _ kind: Kind<Value>) -> Value? {
        guard has(key) else {
            report("is missing", at: key)
            return nil
        }
        return value(key, kind)
    }

    mutating func value<Value>(_ key: ConfigurationKey, _ kind: Kind<Value>) -> Value? {
        guard has(key), let node = nodes[key] else { return nil }
        return parse(node, of: key, kind)
    }

    mutating func list<Value>(_ key: ConfigurationKey, _ kind: Kind<Value>) -> [Value] {
        guard has(key), let node = nodes[key] else { return [] }
        guard let sequence = node.sequence else {
            report("is not a list", at: key)
            return []
        }
        return sequence.compactMap { parse($0, of: key, kind) }
    }

    /// A list, or one value by itself. Reports that it is missing or empty, too.
    mutating func requiredOneOrMore<Value>(_ key: ConfigurationKey, _ kind: Kind<Value>) -> [Value] {
        guard nodes[key]?.sequence != nil else { return required(key, kind).map { [$0] } ?? [] }
        if isEmptyList(key) { report("is empty", at: key) }
        return list(key, kind)
    }

    /// A list of mappings with these words as keys, any of which may be missing: what stands at each, by its word.
    mutating func mappings(_ key: ConfigurationKey, of words: [String]) -> [[String: Yams.Node]] {
        guard has(key), let node = nodes[key] else { return [] }
        guard let sequence = node.sequence else {
            report("is not a list", at: key)
            return []
        }
        return sequence.compactMap { mapping($0, of: key, words) }
    }

    private mutating func mapping(
        _ node: Yams.Node, of key: ConfigurationKey, _ words: [String]
    ) -> [String: Yams.Node]? {
        guard let mapping = node.mapping else {
            report("\(key.rawValue): an element is not a mapping of \(words.joined(separator: ", "))", at: node.mark)
            return nil
        }
        var values: [String: Yams.Node] = [:]
        for (word, value) in mapping {
            if let name = word.scalar?.string, words.contains(name) {
                values[name] = value
            } else {
                report("\(key.rawValue): an element has the keys \(words.joined(separator: ", ")) alone", at: word.mark)
            }
        }
        return values
    }

    /// A list of values in such a mapping; empty when it is missing.
    mutating func list<Value>(_ node: Yams.Node?, of key: ConfigurationKey, _ kind: Kind<Value>) -> [Value] {
        guard let node, !node.isAbsent else { return [] }
        guard let sequence = node.sequence else {
            report("\(key.rawValue): not a list", at: node.mark)
            return []
        }
        return sequence.compactMap { parse($0, of: key, kind) }
    }

    mutating func parse<Value>(_ node: Yams.Node, of key: ConfigurationKey, _ kind: Kind<Value>) -> Value? {
        guard let text = node.scalar?.string else {
            report("\(key.rawValue): a list or mapping is not \(kind.expected)", at: node.mark)
            return nil
        }
        guard let value = kind.parse(text) else {
            report("\(key.rawValue): \(kind.isSecret ? "it" : text.quoted) is not \(kind.expected)", at: node.mark)
            return nil
        }
        return value
    }
}
