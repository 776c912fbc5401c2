import AdminAPI
import Foundation
import JOSE

/// Relationships in a file, in SPIRE's words (`federationRelationships`, each with its bundle) or as `psid federation list -o json` prints
/// them. What is not known, or said twice, is refused.
enum FederationFile {
    struct Relationship: Sendable {
        var relationship: Podshield_Admin_V1_FederationRelationship
        /// A first bundle, if there is one.
        var bundle: Podshield_Admin_V1_BundleText?
    }

    private static let mostBytes = 16 << 20

    /// - Parameter path: `-` for standard input.
    static func read(_ path: String) throws(CommandFailure) -> [Relationship] {
        let file = try InputFile(path, mostBytes: mostBytes)
        do throws(InputFileProblem) { return try relationships(Array(file.contents)) } catch {
            throw CommandFailure(error, in: file)
        }
    }

    static func relationships(_ bytes: [UInt8]) throws(InputFileProblem) -> [Relationship] {
        let document = try FileMembers(document: bytes, place: "beside the relationships")
        let listed = try document.list(
            "relationships", "federationRelationships", of: "relationship", ignoring: ["schema"], [])
        return try listed.map { (members) throws(InputFileProblem) in try relationship(members) }
    }

    private static func relationship(_ members: FileMembers) throws(InputFileProblem) -> Relationship {
        var rest = members
        var message = Podshield_Admin_V1_FederationRelationship()
        message.trustDomain = try rest.take("trustDomain", "trustDomain", nil, \.text)
        message.url = try rest.take("url", "bundleEndpointURL", nil, \.text)
        message.profile = try rest.take("profile", "bundleEndpointProfile", nil, \.text)
        message.endpointSpiffeID = try rest.take("endpointSPIFFEID", "endpointSpiffeID", "", \.text)
        // As there, PEM unless it says so.
        let format = try rest.take("trustDomainBundleFormat", "trustDomainBundleFormat", .pem) {
            $0.text.flatMap(BundleFormat.init)
        }
        let bundle = try rest.take("trustDomainBundle", "trustDomainBundle", .some(nil)) { Self.bundle($0, format) }
        try rest.checkRest(ignoring: ["refreshedAt", "failure", "schema"], [])
        return Relationship(relationship: message, bundle: bundle)
    }

    /// In PEM a text, else the document itself; a value without one makes no sense.
    private static func bundle(_ value: JSONValue, _ format: BundleFormat) -> Podshield_Admin_V1_BundleText?? {
        guard let text = format == .pem ? value.text : value.object?.encoded else { return nil }
        return .some(Podshield_Admin_V1_BundleText(Data(text.utf8), format))
    }
}
