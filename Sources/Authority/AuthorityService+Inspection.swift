public import Identity

extension AuthorityService {
    /// Looks at a state directory as the next start will, and changes nothing: are CA and registry there, whole and private?
    /// One that is not there yet is well.
    ///
    /// - Parameter keyIsKept: the key is a credential of the service manager's, which nobody else can look at.
    public static func inspect(
        stateDirectory: String, of trustDomain: TrustDomain, keyIsKept: Bool
    ) throws(AuthorityError) {
        try AuthorityFiles(directory: stateDirectory).inspect(for: trustDomain, keyIsKept: keyIsKept)
    }
}
