import AdminAPI
import ArgumentParser

/// What a relationship is, on the command line.
struct RelationshipFields: ParsableArguments {
    @Option(help: ArgumentHelp("The other trust domain.", valueName: "name"))
    var trustDomain: String?

    @Option(help: ArgumentHelp("Its bundle endpoint, an https URL.", valueName: "url"))
    var url: String?

    @Option(help: ArgumentHelp("How the endpoint shows who it is: https_spiffe or https_web.", valueName: "profile"))
    var profile: String?

    @Option(
        name: .customLong("endpoint-spiffe-id"),
        help: ArgumentHelp("The ID of an https_spiffe endpoint.", valueName: "id"))
    var endpointSPIFFEID: String?

    @Option(
        help: ArgumentHelp(
            "A first bundle, by which an https_spiffe endpoint can be trusted; - for standard input.", valueName: "file"
        ))
    var bundle: String?

    @Option(help: "How that is written: spiffe (the default) or pem.")
    var format: BundleFormat?

    @Option(
        help: ArgumentHelp(
            "Relationships as JSON, in SPIRE's form or as `federation list -o json` prints them; - for standard input.",
            valueName: "file"))
    var data: String?

    func validate() throws {
        guard data != nil else {
            guard trustDomain != nil, url != nil, profile != nil else {
                throw ValidationError("give --trust-domain, --url and --profile, or --data")
            }
            return
        }
        let others: [String?] = [trustDomain, url, profile, endpointSPIFFEID, bundle, format?.rawValue]
        guard others.allSatisfy({ $0 == nil }) else {
            throw ValidationError("--data says all: no other flag goes with it")
        }
    }

    /// What the flags say, or the file.
    func relationships() throws(CommandFailure) -> [FederationFile.Relationship] {
        if let data { return try FederationFile.read(data) }
        var relationship = Podshield_Admin_V1_FederationRelationship()
        relationship.trustDomain = trustDomain ?? ""
        relationship.url = url ?? ""
        relationship.profile = profile ?? ""
        relationship.endpointSpiffeID = endpointSPIFFEID ?? ""
        guard let bundle else { return [.init(relationship: relationship)] }
        let text = try Podshield_Admin_V1_BundleText(reading: bundle, format ?? .spiffe)
        return [.init(relationship: relationship, bundle: text)]
    }
}
