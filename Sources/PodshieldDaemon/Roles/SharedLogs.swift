import Authority
import Configuration
import Etcd
import Identity
import SharedRegistry

extension EtcdLog {
    /// Authorities of one trust domain find each other by its name.
    convenience init(_ settings: PodshieldConfiguration.Etcd, of trustDomain: TrustDomain) {
        let members = EtcdMembers(
            addresses: settings.members.map { EtcdMembers.Address(host: $0.host, port: $0.port) },
            roots: settings.caFile,
            certificate: settings.certificateFile, key: settings.keyFile)
        self.init(EtcdClient(members), prefix: "\(settings.prefix)/\(trustDomain.name)/")
    }
}
