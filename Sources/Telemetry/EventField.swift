/// The journal fields that events carry beside MESSAGE, MESSAGE_ID and PRIORITY.
public enum EventField: String, CaseIterable, Sendable {
    case code = "PODSHIELD_CODE"
    case kind = "PODSHIELD_KIND"
    case instance = "PODSHIELD_INSTANCE"

    // Who.
    case spiffeID = "PODSHIELD_SPIFFE_ID"
    /// Numeric identity of a workload.
    case identity = "PODSHIELD_IDENTITY"
    case node = "PODSHIELD_NODE"
    case nodeNumber = "PODSHIELD_NODE_NUMBER"
    case peer = "PODSHIELD_PEER"
    case pod = "PODSHIELD_POD"
    case namespace = "PODSHIELD_NAMESPACE"
    case user = "PODSHIELD_UID"

    // Where.
    case address = "PODSHIELD_ADDRESS"
    case prefixes = "PODSHIELD_PREFIXES"
    case interface = "PODSHIELD_INTERFACE"
    case interfaceIndex = "PODSHIELD_IFINDEX"

    // What.
    case reason = "PODSHIELD_REASON"
    case subject = "PODSHIELD_SUBJECT"
    case component = "PODSHIELD_COMPONENT"
    case role = "PODSHIELD_ROLE"
    case version = "PODSHIELD_VERSION"
    case count = "PODSHIELD_COUNT"
    case entry = "PODSHIELD_ENTRY"
    case revision = "PODSHIELD_REVISION"
    case trustDomain = "PODSHIELD_TRUST_DOMAIN"
    case audience = "PODSHIELD_AUDIENCE"

    // Certificates. Times are Unix seconds.
    case serial = "PODSHIELD_SERIAL"
    case notAfter = "PODSHIELD_NOT_AFTER"
    case fingerprints = "PODSHIELD_FINGERPRINTS"

    // Keys.
    case keyID = "PODSHIELD_KEY_ID"
    case epoch = "PODSHIELD_EPOCH"
    case suite = "PODSHIELD_SUITE"
    case group = "PODSHIELD_TLS_GROUP"
    case postQuantum = "PODSHIELD_POST_QUANTUM"
    case direction = "PODSHIELD_DIRECTION"
    case spi = "PODSHIELD_SPI"
    case attachment = "PODSHIELD_ATTACHMENT"

    // Packets.
    case verdict = "PODSHIELD_VERDICT"
    case hook = "PODSHIELD_HOOK"
    case source = "PODSHIELD_SRC"
    case sourcePort = "PODSHIELD_SRC_PORT"
    case sourceIdentity = "PODSHIELD_SRC_IDENTITY"
    case sourceSPIFFEID = "PODSHIELD_SRC_SPIFFE_ID"
    case destination = "PODSHIELD_DST"
    case destinationPort = "PODSHIELD_DST_PORT"
    case destinationIdentity = "PODSHIELD_DST_IDENTITY"
    case destinationSPIFFEID = "PODSHIELD_DST_SPIFFE_ID"
    case transport = "PODSHIELD_PROTOCOL"
    case length = "PODSHIELD_LENGTH"
    case sequence = "PODSHIELD_SEQUENCE"
    case helperError = "PODSHIELD_ERRNO"
}
