import AdminAPI
import ArgumentParser

/// What an entry says, on the command line.
struct EntryFields: ParsableArguments {
    @Option(
        name: .customLong("spiffe-id"),
        help: ArgumentHelp("The identity.", valueName: "id"))
    var spiffeID: String?

    @Option(
        help: ArgumentHelp("Name or SPIFFE ID of the node on which they may run; any without.", valueName: "node"))
    var node = ""

    @Option(
        help: ArgumentHelp("A fact that they must have; repeat for more.", valueName: "type:value"))
    var selector: [String] = []

    @Option(help: "The pods' namespace.")
    var namespace: String?

    @Option(help: ArgumentHelp("Their service account.", valueName: "name"))
    var serviceAccount: String?

    @Option(help: ArgumentHelp("The one pod's name.", valueName: "name"))
    var pod: String?

    @Option(help: ArgumentHelp("A label that they have; repeat for more.", valueName: "key=value"))
    var label: [Assignment] = []

    @Option(help: ArgumentHelp("A label of the identity, for policies; repeat for more.", valueName: "key=value"))
    var policyLabel: [Assignment] = []

    @Option(
        name: .customLong("dns"),
        help: ArgumentHelp("A DNS name in the SVID; repeat for more.", valueName: "name"))
    var dnsNames: [String] = []

    @Option(
        name: .customLong("ttl"),
        help: ArgumentHelp("Lifetime of the SVIDs, such as 3600 or 1h.", valueName: "time"))
    var svidTTL = Lifetime(seconds: 0)

    @Option(
        name: .customLong("jwt-ttl"),
        help: ArgumentHelp("Lifetime of the JWT-SVIDs.", valueName: "time"))
    var jwtSVIDTTL = Lifetime(seconds: 0)

    @Option(
        help: ArgumentHelp(
            "A trust domain whose bundle the workloads may have, too; repeat for more.", valueName: "trust-domain"))
    var federatesWith: [String] = []

    @Option(
        help: "What a workload of several identities may choose this one by.")
    var hint = ""

    @Flag(help: "An authority below this one: it may have a CA signed, and be anybody with it.")
    var downstream = false

    @Option(
        help: ArgumentHelp(
            "Entries as JSON, in SPIRE's form or as `entry list -o json` prints them; - for standard input.",
            valueName: "file"))
    var data: String?

    func validate() throws {
        guard data == nil else {
            let saysMore =
                !node.isEmpty || !policyLabel.isEmpty || !dnsNames.isEmpty || svidTTL.seconds != 0
                || jwtSVIDTTL.seconds != 0
                || !hint.isEmpty || downstream
            guard spiffeID == nil, selectors.isEmpty, federatesWith.isEmpty, !saysMore else {
                throw ValidationError("--data says all: no other flag goes with it")
            }
            return
        }
        guard spiffeID != nil else { throw ValidationError("which identity? Give --spiffe-id, or --data") }
        guard !selectors.isEmpty else { throw ValidationError("which workloads? Give at least one selector") }
        _ = try policyLabel.labels()
    }

    /// What the flags say, or the file; the parent is a node's name or SPIFFE ID.
    func entries() throws -> [Podshield_Admin_V1_Entry] {
        if let data { return try EntryFile.read(data) }
        var entry = Podshield_Admin_V1_Entry()
        entry.spiffeID = spiffeID ?? ""
        entry.parentID = node
        entry.selectors = selectors
        entry.labels = try policyLabel.labels()
        entry.dnsNames = dnsNames
        entry.svidTtl = Int64(svidTTL.seconds)
        entry.jwtSvidTtl = Int64(jwtSVIDTTL.seconds)
        entry.hint = hint
        entry.federatesWith = federatesWith
        entry.downstream = downstream
        return [entry]
    }

    private var selectors: [String] {
        selector + [namespace.map { "k8s:ns:\($0)" }, serviceAccount.map { "k8s:sa:\($0)" }].compactMap(\.self)
            + [pod.map { "k8s:pod-name:\($0)" }].compactMap(\.self)
            + label.map { "k8s:pod-label:\($0.key):\($0.value)" }
    }
}
