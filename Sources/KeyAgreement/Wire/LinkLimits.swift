/// Every limit of the node link. docs/protocol.md lists them.
public enum LinkLimits {
    /// Of type and body together.
    public static let frameBytes = 65536
    /// Offered suites, and offered post-quantum modes.
    static let offers = 16
    static let chainCertificates = 8
    static let certificateBytes = 16384
    static let chainBytes = 32768
    public static let addressesPerAnnouncement = 1024
    static let signatureBytes = 1024
    /// Live announcements of one end on one connection.
    public static let announcementsPerConnection = 4096
    /// Refused announcements and updates of one end on one connection.
    static let refusalsPerConnection = 16384
    /// Addresses refused to one peer that are looked at again.
    static let openRefusals = 4096
    /// Inbound SAs of one workload of one peer; a further one retires the oldest unused.
    static let associationsPerWorkload = 4
    static let nonceBytes = 32
    static let confirmationBytes = 48
    static let bootIDBytes = 16
    static let proofExporterBytes = 32
}
