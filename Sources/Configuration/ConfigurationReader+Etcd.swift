extension ConfigurationReader {
    /// Without the section an authority shares its registry with nobody.
    mutating func etcd() -> PodshieldConfiguration.Etcd? {
        guard hasSection("etcd") else { return nil }
        let members = document.requiredOneOrMore(.etcdMembers, .endpoint)
        let caFile = document.required(.etcdCAFile, .path)
        let certificateFile = document.required(.etcdCertificateFile, .path)
        let keyFile = document.required(.etcdKeyFile, .path)
        let prefix = document.value(.etcdPrefix, .mount, default: "podshield")
        guard !members.isEmpty, let caFile, let certificateFile, let keyFile else { return nil }
        return PodshieldConfiguration.Etcd(
            members: members, caFile: caFile, certificateFile: certificateFile, keyFile: keyFile, prefix: prefix)
    }
}
