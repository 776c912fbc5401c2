public import Configuration
public import Datapath

extension DatapathSettings {
    /// What the configuration says of the kernel side.
    public init(_ settings: PodshieldConfiguration.Datapath, _ configuration: PodshieldConfiguration) {
        let tables = settings.tables
        self.init(
            objectPath: configuration.paths.bpfObject, bpffs: configuration.paths.bpffs,
            instance: configuration.instance, attachment: AttachmentMode(settings.attachment),
            securityAssociations: tables.securityAssociations, peers: tables.peers,
            localAddresses: tables.localAddresses, remoteAddresses: tables.remoteAddresses, pods: tables.pods,
            protectedPrefixes: tables.protectedPrefixes, eventRingBytes: tables.eventRingBytes)
    }
}

extension AttachmentMode {
    fileprivate init(_ setting: PodshieldConfiguration.Datapath.Attachment) {
        switch setting {
        case .auto: self = .auto
        case .tcx: self = .tcx
        case .clsact: self = .clsact
        }
    }
}
