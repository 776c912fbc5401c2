import Authority
import Configuration
import Federation
import LinuxBinding

extension ConfiguredRelationship {
    /// Reads the bundle to begin with, where there is one.
    init(_ settings: PodshieldConfiguration.Federated) throws(StartError) {
        let relationship = settings.relationship
        let bundle = try settings.bundleFile.map { (path) throws(StartError) in
            do {
                return try ForeignBundle(
                    parsing: GuardedFile.read(path, limit: ForeignBundle.largest), of: relationship.trustDomain)
            } catch {
                throw .badSetting(
                    key: .federationRelationships, reason: "\(path), of \(relationship.trustDomain): \(error)")
            }
        }
        self.init(relationship, bundle: bundle)
    }
}
