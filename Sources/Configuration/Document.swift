internal import PrintableText
import Yams

/// A file's text, taken apart: what stands at each key, and what is wrong so far.
struct Document {
    let file: String
    private(set) var nodes: [ConfigurationKey: Yams.Node] = [:]
    private(set) var problems: [ConfigurationProblem] = []

    /// Text that is no YAML leaves one problem, since nothing after it can be read.
    init(yaml: String, file: String) {
        self.file = file
        do {
            guard let root = try Yams.compose(yaml: yaml) else { return }
            read(root, section: nil)
        } catch let error as YamlError {
            problems.append(ConfigurationProblem(error, file: file))
        } catch {
            report("\(error)", at: nil)
        }
    }

    mutating func report(_ message: String, at mark: Mark?) {
        let position = mark.map { ConfigurationProblem.Position(line: $0.line, column: $0.column) }
        problems.append(ConfigurationProblem(file: file, position: position, message: message))
    }

    mutating func report(_ message: String, at key: ConfigurationKey) {
        report("\(key.rawValue): \(message)", at: nodes[key]?.mark)
    }

    private mutating func read(_ node: Yams.Node, section: String?) {
        if node.isAbsent { return }
        guard let mapping = node.mapping else {
            report("\(section ?? "the file") is not a mapping of keys to values", at: node.mark)
            return
        }
        for (key, value) in mapping { read(key, value, section: section) }
    }

    private mutating func read(_ key: Yams.Node, _ value: Yams.Node, section: String?) {
        guard let name = key.scalar?.string else {
            report("a list or mapping is no key", at: key.mark)
            return
        }
        let path = section.map { "\($0).\(name)" } ?? name
        if let known = ConfigurationKey(rawValue: path), known.section == section {
            nodes[known] = value
        } else if section == nil, ConfigurationKey.sections.contains(name) {
            read(value, section: name)
        } else {
            report(Self.unknown(path, name, section), at: key.mark)
        }
    }

    private static func unknown(_ path: String, _ name: String, _ section: String?) -> String {
        let message = "\(path.quoted) is no key"
        guard let nearest = NearestName.to(name, among: ConfigurationKey.names(in: section)) else { return message }
        return message + "; did you mean \(section.map { "\($0)." } ?? "")\(nearest)?"
    }
}

extension Yams.Node {
    /// `key:` with nothing behind it, or `null`.
    var isAbsent: Bool {
        guard let scalar, scalar.style == .plain || scalar.style == .any else { return false }
        return ["", "~", "null"].contains(scalar.string)
    }
}

extension ConfigurationProblem {
    fileprivate init(_ error: YamlError, file: String) {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            self.init(file: file, position: Position(mark), message: "not YAML: \(problem)")
        case .duplicatedKeysInMapping(let keys, let context):
            let names = keys.sorted().map(\.quoted).joined(separator: ", ")
            // Where there are keys of other kinds among them, Yams has no order of them, and so any of the positions.
            let isOrdered = Set(keys).count == keys.count && !keys.contains("<uncovertable>")
            self.init(
                file: file, position: isOrdered ? Position(context.mark) : nil,
                message: "\(names) stands more than once")
        case .reader(let problem, _, _, _):
            self.init(file: file, position: nil, message: "not YAML: \(problem)")
        default:
            self.init(file: file, position: nil, message: "not YAML: \(error)")
        }
    }
}

extension ConfigurationProblem.Position {
    fileprivate init(_ mark: Mark) { self.init(line: mark.line, column: mark.column) }
}
