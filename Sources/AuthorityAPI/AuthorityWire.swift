/// What both ends of the authority's API agree on beside the messages.
public enum AuthorityWire {
    /// Application protocol of the TLS connection (RFC 9113 section 3.2).
    public static let alpn = ["h2"]
    /// Most bytes of a request.
    public static let largestRequest = 1 << 20
    /// Most bytes of a directory.
    public static let largestDirectory = 32 << 20
    /// Most bytes of an answer: a directory, its signature, and one that is refused by the rule above rather than unread.
    public static let largestResponse = 2 * largestDirectory
    /// Most prefixes one node may report.
    public static let mostLeases = 8192
    /// Most labels of a pod or an identity, and most bytes of each key and value.
    public static let mostLabels = 64
    public static let longestLabel = 253
    /// Trailer of a refusal, with `notAMember` where the node was evicted or the authority never knew it: it may join again, as one
    /// that is banned, or in whose name another has joined, may not.
    public static let standing = "podshield-standing"
    public static let notAMember = "not-a-member"
    /// The same trailer, where another has joined in the node's name; it may have been the node itself, which did not hear the answer.
    public static let joinedAgain = "joined-again"
    /// The same trailer of a renewal for which the node's TPM has to answer.
    public static let tpmNeeded = "tpm-needed"
    /// The same trailer, where it is the authority that hears nothing of the others.
    public static let cutOff = "cut-off"
}
