/// Trust domains without scheme.
extension Event {
    public static func federationBegun(with trustDomain: String, url: String, profile: String) -> Event {
        Event(
            .federationBegun, "the bundle of \(trustDomain) is fetched from \(url), \(profile)",
            [.trustDomain: trustDomain, .address: url])
    }

    public static func federationEnded(with trustDomain: String) -> Event {
        Event(.federationEnded, "the bundle of \(trustDomain) is fetched no more", [.trustDomain: trustDomain])
    }

    public static func federationFailed(with trustDomain: String, reason: String) -> Event {
        Event(
            .federationFailed,
            "the bundle of \(trustDomain) could not be fetched, the one that is held stays: \(reason)",
            [.trustDomain: trustDomain, .reason: reason])
    }

    public static func federationRestored(with trustDomain: String) -> Event {
        Event(.federationRestored, "the bundle of \(trustDomain) is fetched again", [.trustDomain: trustDomain])
    }

    public static func foreignBundleChanged(of trustDomain: String, sequence: UInt64) -> Event {
        Event(
            .foreignBundleChanged, "the bundle of \(trustDomain) is another, sequence \(sequence)",
            [.trustDomain: trustDomain, .sequence: "\(sequence)"])
    }

    public static func foreignBundleDeleted(of trustDomain: String) -> Event {
        Event(.foreignBundleDeleted, "the bundle of \(trustDomain) is held no more", [.trustDomain: trustDomain])
    }
}
