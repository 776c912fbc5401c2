internal import PrintableText

/// Whose TPM is which node's: lines of a name and the SHA-256 of an endorsement key (of its SubjectPublicKeyInfo, 64 hexadecimal
/// digits), or of `deny` and one that lets nobody in. What stands behind `#` says nothing.
public struct TPMNames: Sendable, Equatable {
    /// By key, lower-case hexadecimal.
    let names: [String: String]
    /// Keys that let nobody in, whoever vouches for them, another line of the list included.
    let denied: Set<String>
    /// All names of the list, each of which one key has, or had before it was denied.
    let taken: Set<String>

    /// In a name's place; no node of that name can have a line.
    private static let denial = "deny"

    /// Of a text, in bytes: some 10000 nodes.
    public static let longest = 1 << 20

    public init(_ text: String) throws(TPMNamesError) {
        guard text.utf8.count <= Self.longest else { throw TPMNamesError(line: 1, reason: .tooLong) }
        var (names, denied, taken): ([String: String], Set<String>, Set<String>) = ([:], [], [])
        // A carriage return and a line feed are one character.
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        for (index, line) in lines.enumerated() {
            guard let (name, key) = try Self.entry(line, number: index + 1) else { continue }
            let isNew =
                name == Self.denial
                ? denied.insert(key).inserted
                : names.updateValue(name, forKey: key) == nil && taken.insert(name).inserted
            guard isNew else { throw TPMNamesError(line: index + 1, reason: .twice) }
        }
        self.names = names.filter { !denied.contains($0.key) }
        (self.denied, self.taken) = (denied, taken)
    }

    private static func entry(
        _ line: Substring, number: Int
    ) throws(TPMNamesError) -> (name: String, key: String)? {
        let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }
        guard !words.isEmpty else { return nil }
        guard words.count == 2 else { throw TPMNamesError(line: number, reason: .notTwoWords) }
        let (name, key) = (String(words[0]), words[1].lowercased())
        guard AuthorityCore.isNodeName(name) else { throw TPMNamesError(line: number, reason: .badName(name)) }
        guard key.utf8.count == 64, key.utf8.allSatisfy(\.isHexadecimalDigit) else {
            throw TPMNamesError(line: number, reason: .badKey)
        }
        return (name, key)
    }
}

/// Where a list of TPMs makes no sense.
public struct TPMNamesError: Error, Sendable, Equatable {
    /// From 1 on.
    public let line: Int
    public let reason: Reason

    public enum Reason: Sendable, Equatable {
        case tooLong
        case notTwoWords
        case badName(String)
        case badKey
        /// A name has one TPM, and a TPM one name.
        case twice
    }
}

extension TPMNamesError: CustomStringConvertible {
    public var description: String {
        switch reason {
        case .tooLong: "more than \(TPMNames.longest) bytes"
        case .notTwoWords: "line \(line) is not a node's name, or \"deny\", and a key's SHA-256"
        case .badName(let name): "line \(line): \(name.quoted) is no name for a node"
        case .badKey: "line \(line): the key is not a SHA-256 of 64 hexadecimal digits"
        case .twice: "line \(line): its name or its key stands above already"
        }
    }
}

extension UInt8 {
    fileprivate var isHexadecimalDigit: Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self)
    }
}
