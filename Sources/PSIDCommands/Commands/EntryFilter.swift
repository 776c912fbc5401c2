import AdminAPI
import ArgumentParser

/// Which entries: those that all that is given fits.
struct EntryFilter: ParsableArguments {
    @Option(
        name: .customLong("spiffe-id"),
        help: ArgumentHelp("Only entries with this identity.", valueName: "id"))
    var spiffeID = ""

    @Option(
        help: ArgumentHelp("Only entries for this node.", valueName: "node"))
    var node = ""

    @Option(help: ArgumentHelp("Only entries with this selector; repeat for more.", valueName: "type:value"))
    var selector: [String] = []

    @Option(
        help: "How an entry's selectors have to be to those given: a superset of them, a subset, exact, or have any.")
    var matchSelectorsOn = SetMatch.superset

    @Option(
        help: ArgumentHelp(
            "Only entries that federate with this trust domain; repeat for more.", valueName: "trust-domain"))
    var federatesWith: [String] = []

    @Option(help: "The same of the trust domains.")
    var matchFederatesWithOn = SetMatch.superset

    @Option(help: "Only entries with this hint.")
    var hint: String?

    @Flag(help: "Only entries of authorities below.")
    var downstream = false

    var isEmpty: Bool {
        spiffeID.isEmpty && node.isEmpty && selector.isEmpty && federatesWith.isEmpty && hint == nil && !downstream
    }

    /// Whether an entry is one of them, by what the daemon is not asked for.
    func matches(_ entry: Podshield_Admin_V1_Entry) -> Bool {
        (selector.isEmpty || matchSelectorsOn.holds(entry.selectors, of: selector))
            && (federatesWith.isEmpty
                || matchFederatesWithOn.holds(entry.federatesWith, of: federatesWith.map(\.trustDomain)))
            && (hint == nil || entry.hint == hint) && (!downstream || entry.downstream)
    }
}

/// How what an entry has is compared with what is given, by SPIRE's words.
enum SetMatch: String, ExpressibleByArgument, CaseIterable {
    case exact
    case any
    case superset
    case subset

    func holds(_ held: [String], of given: [String]) -> Bool {
        let (held, given) = (Set(held), Set(given))
        return switch self {
        case .exact: held == given
        case .any: !held.isDisjoint(with: given)
        case .superset: held.isSuperset(of: given)
        // An entry that has none is no answer to who asks for some.
        case .subset: !held.isEmpty && held.isSubset(of: given)
        }
    }
}

extension String {
    /// The name of a trust domain, of its SPIFFE ID too.
    fileprivate var trustDomain: String { hasPrefix("spiffe://") ? String(dropFirst("spiffe://".count)) : self }
}
