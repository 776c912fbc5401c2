internal import ArgumentParser

/// The flags of SPIRE's commands, which many hands know: with one dash or two, and partly of other names. What a flag means there and cannot
/// be had here is said, rather than taken for something else.
enum SPIREFlags {
    private enum Meaning {
        /// With a value, whatever that looks like.
        case option(String)
        /// Set, or with one of Go's words for whether it is.
        case toggle(String)
        /// What follows stands without a flag.
        case argument
        /// This sentence is the answer.
        case refused(String)
    }

    /// By their names: in Go one dash and two are the same.
    private static let everywhere: [String: Meaning] = [
        "spiffeID": .option("--spiffe-id"), "parentID": .option("--node"), "entryID": .option("--entry-id"),
        "selector": .option("--selector"), "x509SVIDTTL": .option("--ttl"), "jwtSVIDTTL": .option("--jwt-ttl"),
        "ttl": .option("--ttl"), "dns": .option("--dns"),
        "hint": .option("--hint"), "downstream": .toggle("--downstream"), "data": .option("--data"),
        "federatesWith": .option("--federates-with"), "matchSelectorsOn": .option("--match-selectors-on"),
        "matchFederatesWithOn": .option("--match-federates-with-on"), "trustDomain": .option("--trust-domain"),
        "bundleEndpointURL": .option("--url"), "bundleEndpointProfile": .option("--profile"),
        "endpointSpiffeID": .option("--endpoint-spiffe-id"), "trustDomainBundlePath": .option("--bundle"),
        "trustDomainBundleFormat": .option("--format"), "format": .option("--format"),
        "id": .option("--trust-domain"), "path": .option("--path"), "audience": .option("--audience"),
        "write": .option("--write"), "svid": .option("--svid"),
        "output": .option("--output"), "socketPath": .option("--socket"),
        "admin": .refused("no workload may use the admin API: whoever may is root on the authority"),
        "storeSVID": .refused("SVIDs are stored nowhere but on the node of the workload"),
        "entryExpiry": .refused("entries do not expire: delete it in time"),
        "instance": .refused("there is one daemon on a machine; another's socket is named by -socketPath"),
    ]

    /// What is otherwise under some commands.
    private static let special: [(command: [String], flags: [String: Meaning])] = [
        (["jwt", "mint"], ["write": .refused("the token is printed: redirect that")]),
        (
            ["token", "generate"],
            ["spiffeID": .refused("a node's SPIFFE ID is made of its name: give that with --node")]
        ),
        (
            ["entry"],
            [
                "node": .refused("entries are those of workloads; on which node these may run says -parentID"),
                "file": .refused("entries are deleted one by one, by -entryID"),
            ]
        ),
        (
            ["bundle", "delete"],
            ["mode": .refused("there is one way: entries that federate with it stay as they are")]
        ),
        (["node"], ["spiffeID": .argument]), (["agent"], ["spiffeID": .argument]),
        (
            ["healthcheck"],
            [
                "shallow": .refused("there is one check"), "verbose": .refused("psid status says all that it finds"),
            ]
        ),
        (
            ["api"],
            [
                "socketPath": .option("--endpoint"),
                "timeout": .refused("psid waits a minute for an answer; timeout(1) ends it before"),
                "silent": .refused("redirect the output instead"),
            ]
        ),
    ]

    /// The same command line in our words; what is a flag's value stays as it is.
    static func translated(_ arguments: [String]) throws(ValidationError) -> [String] {
        let command = command(of: arguments)
        var translated: [String] = []
        var rest = arguments[...]
        while let word = rest.popFirst() {
            // What stands behind this is no flag.
            if word == "--" { return translated + [word] + rest }
            guard let flag = Flag(word), let meaning = meaning(of: flag, under: command) else {
                translated.append(word)
                continue
            }
            switch meaning {
            case .option(let ours): translated += written(ours, flag.value ?? rest.popFirst())
            case .toggle(let ours): translated += try flag.isSet ? [ours] : []
            case .argument: translated += (flag.value ?? rest.popFirst()).list
            case .refused(let sentence): throw ValidationError("\(flag.word): \(sentence)")
            }
        }
        return translated
    }

    /// In one word, but for an empty value, which is taken from the next word only.
    private static func written(_ ours: String, _ value: String?) -> [String] {
        guard let value else { return [ours] }
        return value.isEmpty ? [ours, value] : ["\(ours)=\(value)"]
    }

    private static func meaning(of flag: Flag, under command: [String]) -> Meaning? {
        // With two dashes it is ours: SPIRE's says of what kind an entry is.
        guard flag.word != "--node" else { return nil }
        let name = flag.name
        return special.first { command.starts(with: $0.command) && $0.flags[name] != nil }?.flags[name]
            ?? everywhere[name]
    }

    /// The words that name the command: those before the first flag that is not one of all commands.
    private static func command(of arguments: [String]) -> [String] {
        var words: [String] = []
        var rest = arguments[...]
        while let word = rest.popFirst() {
            guard let flag = Flag(word) else {
                words.append(word)
                continue
            }
            guard ofAllCommands.contains(flag.name) else { break }
            if flag.value == nil { rest = rest.dropFirst() }
        }
        return words
    }

    /// With a value each.
    private static let ofAllCommands: Set<String> = ["config", "socket", "socketPath", "output", "o"]
}

/// A word that is a flag, perhaps with its value: `-flag`, `--flag`, `-flag=value`.
private struct Flag {
    /// With its dashes.
    let word: String
    let name: String
    let value: String?

    /// Nil for what is none.
    init?(_ text: String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let name = parts[0].drop { $0 == "-" }
        guard !name.isEmpty, (1...2).contains(parts[0].count - name.count) else { return nil }
        word = parts[0]
        self.name = String(name)
        value = parts.count > 1 ? parts[1] : nil
    }

    /// Of one that is set by standing there, as Go reads it.
    var isSet: Bool {
        get throws(ValidationError) {
            switch value {
            case nil, "1", "t", "T", "true", "TRUE", "True": true
            case "0", "f", "F", "false", "FALSE", "False": false
            case let other?: throw ValidationError("\(word): '\(other)' is neither true nor false")
            }
        }
    }
}

extension String? {
    fileprivate var list: [String] { map { [$0] } ?? [] }
}
