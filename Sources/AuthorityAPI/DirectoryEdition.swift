public import Identity
public import JOSE

/// What a signed directory says: the directory itself, and whom to trust as of its moment.
public struct DirectoryEdition: Sendable, Equatable {
    public let directory: Identity.Directory
    public let bundle: TrustBundle
    public let jwtBundle: JWTBundle
    /// Of other trust domains, each once: for workloads alone.
    public let foreignBundles: [BundleDocument]

    /// Most trust domains whose bundles one carries.
    public static let mostForeignBundles = 64

    public init(
        directory: Identity.Directory, bundle: TrustBundle, jwtBundle: JWTBundle, foreignBundles: [BundleDocument] = []
    ) {
        self.foreignBundles = foreignBundles
        self.directory = directory
        self.bundle = bundle
        self.jwtBundle = jwtBundle
    }
}
