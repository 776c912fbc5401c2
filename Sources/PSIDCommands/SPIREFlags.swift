internal import ArgumentParser

/// The flags of SPIRE's commands, which many hands know: with one dash, and partly of other names. What a flag means there and cannot
/// be had here is said, rather than taken for something else.
enum SPIREFlags {
    private enum Meaning {
        case flag(String)
        /// What follows stands without a flag.
        case argument
        /// This sentence is the answer.
        case refused(String)
    }

    private static let everywhere: [String: Meaning] = [
        "-spiffeID": .flag("--spiffe-id"), "-parentID": .flag("--node"), "-entryID": .flag("--entry-id"),
        "-selector": .flag("--selector"), "-x509SVIDTTL": .flag("--ttl"), "-jwtSVIDTTL": .flag("--jwt-ttl"),
        "-ttl": .flag("--ttl"), "-dns": .flag("--dns"),
        "-hint": .flag("--hint"), "-downstream": .flag("--downstream"), "-data": .flag("--data"),
        "-federatesWith": .flag("--federates-with"), "-trustDomain": .flag("--trust-domain"),
        "-bundleEndpointURL": .flag("--url"), "-bundleEndpointProfile": .flag("--profile"),
        "-endpointSpiffeID": .flag("--endpoint-spiffe-id"), "-trustDomainBundlePath": .flag("--bundle"),
        "-trustDomainBundleFormat": .flag("--format"), "-format": .flag("--format"), "-id": .flag("--trust-domain"),
        "-path": .flag("--path"), "-audience": .flag("--audience"), "-write": .flag("--write"),
        "-svid": .flag("--svid"),
        "-output": .flag("--output"), "-socketPath": .flag("--socket"),
        "-admin": .refused("no workload may use the admin API: whoever may is root on the authority"),
        "-storeSVID": .refused("SVIDs are stored nowhere but on the node of the workload"),
        "-entryExpiry": .refused("entries do not expire: delete it in time"),
        "-instance": .refused("there is one daemon on a machine; another's socket is named by -socketPath"),
        "-matchSelectorsOn": .refused("entries are found by -spiffeID and -parentID"),
        "-matchFederatesWithOn": .refused("entries are found by -spiffeID and -parentID"),
    ]

    /// What is otherwise under some commands.
    private static let special: [(command: [String], flags: [String: Meaning])] = [
        (["jwt", "mint"], ["-write": .refused("the token is printed: redirect that")]),
        (
            ["token", "generate"],
            ["-spiffeID": .refused("a node's SPIFFE ID is made of its name: give that with --node")]
        ),
        (
            ["entry"],
            [
                "-node": .refused("entries are those of workloads; on which node these may run says -parentID"),
                "-file": .refused("entries are deleted one by one, by -entryID"),
            ]
        ),
        (
            ["bundle", "delete"],
            ["-mode": .refused("there is one way: entries that federate with it stay as they are")]
        ),
        (["node"], ["-spiffeID": .argument]),
        (
            ["api"],
            [
                "-socketPath": .flag("--endpoint"),
                "-timeout": .refused("psid waits a minute for an answer; timeout(1) ends it before"),
                "-silent": .refused("redirect the output instead"),
            ]
        ),
    ]

    /// The same command line in our words; the shell's `-flag=value` included.
    static func translated(_ arguments: [String]) throws(ValidationError) -> [String] {
        let command = command(of: arguments)
        var translated: [String] = []
        for (index, argument) in arguments.enumerated() {
            // What stands behind this is no flag.
            if argument == "--" { return translated + arguments[index...] }
            translated += try self.translated(argument, of: command)
        }
        return translated
    }

    private static func translated(_ argument: String, of command: [String]) throws(ValidationError) -> [String] {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let flag = parts.first, let meaning = meaning(of: flag, under: command) else { return [argument] }
        switch meaning {
        case .flag(let ours): return [([ours] + parts.dropFirst()).joined(separator: "=")]
        case .argument: return Array(parts.dropFirst())
        case .refused(let sentence): throw ValidationError("\(flag): \(sentence)")
        }
    }

    private static func meaning(of flag: String, under command: [String]) -> Meaning? {
        special.first { command.starts(with: $0.command) && $0.flags[flag] != nil }?.flags[flag] ?? everywhere[flag]
    }

    /// The words that name the command: those before the first flag that is not one of all commands.
    private static func command(of arguments: [String]) -> [String] {
        var words: [String] = []
        var rest = arguments[...]
        while let word = rest.popFirst() {
            if !word.hasPrefix("-") {
                words.append(word)
            } else if ofAllCommands.contains(word) {
                rest = rest.dropFirst()
            } else if !ofAllCommands.contains(where: { word.hasPrefix("\($0)=") }) {
                break
            }
        }
        return words
    }

    /// With a value each.
    private static let ofAllCommands: Set<String> = [
        "--config", "--socket", "-socketPath", "--output", "-output", "-o",
    ]
}
