import JOSE
import PrintableText

/// Why a file that a command is given says nothing.
package struct InputFileProblem: Error {
    package let description: String
}

extension CommandFailure {
    init(_ problem: InputFileProblem, in file: InputFile) {
        self.init(.failure, "\(file.name): \(problem.description)".printable)
    }
}

/// The members of an object in such a file, each to be taken once. What is left, or stands twice, is refused: it might be what matters.
struct FileMembers {
    private var members: [String: JSONValue]
    /// For people.
    private let place: String

    init(_ object: JSONObject, place: String) {
        // No reader of ours lets two through whose names Swift takes for the same.
        members = Dictionary(uniqueKeysWithValues: object.members.map { ($0.name, $0.value) })
        self.place = place
    }

    /// Those of the whole file; none where it holds something else.
    init(document bytes: [UInt8], place: String) throws(InputFileProblem) {
        do throws(JSONError) { self.init(try JSONReader.read(bytes).object ?? JSONObject(), place: place) } catch {
            throw InputFileProblem(description: "\(error)")
        }
    }

    /// What the file is there for: the objects of its one list, which goes by either name.
    ///
    /// - Parameters:
    ///   - each: what one of them is called.
    ///   - ignored: members beside the list that say nothing here; `empty` as far as they are empty.
    func list(
        _ name: String, _ other: String, of each: String, ignoring ignored: Set<String>, _ empty: Set<String>
    ) throws(InputFileProblem) -> [FileMembers] {
        var rest = self
        let listed = [rest.members.removeValue(forKey: name), rest.members.removeValue(forKey: other)].compactMap(
            \.self)
        guard listed.count == 1, let elements = listed[0].elements, !elements.isEmpty else {
            throw InputFileProblem(description: "there is no list of \(name) in it")
        }
        try rest.checkRest(ignoring: ignored, empty)
        var found: [FileMembers] = []
        for (index, element) in elements.enumerated() {
            let place = "\(each) \(index + 1)"
            guard let object = element.object else { throw InputFileProblem(description: "\(place) is no object") }
            found.append(FileMembers(object, place: place))
        }
        return found
    }

    /// The value that goes by either name.
    ///
    /// - Parameter otherwise: what it is where it is not there; nil if it has to be.
    mutating func take<Value>(
        _ name: String, _ other: String, _ otherwise: Value?, _ read: (JSONValue) -> Value?
    ) throws(InputFileProblem) -> Value {
        let found = [members.removeValue(forKey: name), members.removeValue(forKey: other)].compactMap(\.self)
        guard found.count < 2 else { throw problem("\(name) stands twice") }
        guard let value = found.first.map(read) ?? otherwise else {
            throw problem(found.isEmpty ? "\(name) is missing" : "\(name) makes no sense")
        }
        return value
    }

    /// That nothing is left but what is `ignored`, or `empty` and says nothing.
    func checkRest(ignoring ignored: Set<String>, _ empty: Set<String>) throws(InputFileProblem) {
        for (name, value) in members.sorted(by: { $0.key < $1.key }) where !ignored.contains(name) {
            guard empty.contains(name) else { throw problem("\(name.quoted) is not known") }
            guard value.saysNothing else { throw problem("\(name) is not supported") }
        }
    }

    private func problem(_ text: String) -> InputFileProblem { InputFileProblem(description: "\(place): \(text)") }
}

extension JSONValue {
    fileprivate var saysNothing: Bool {
        switch self {
        case .null: true
        case .bool(let value): !value
        case .integer(let value): value == 0
        case .number(let value): value == 0
        case .string(let text): text.isEmpty
        case .array(let elements): elements.isEmpty
        case .object: false
        }
    }
}
