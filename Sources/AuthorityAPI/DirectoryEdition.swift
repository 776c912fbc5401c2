public import Identity
public import JOSE

/// What a signed directory says: the directory itself, and whom to trust as of its moment.
public struct DirectoryEdition: Sendable, Equatable {
    public let directory: Identity.Directory
    public let bundle: TrustBundle
    public let jwtBundle: JWTBundle

    public init(directory: Identity.Directory, bundle: TrustBundle, jwtBundle: JWTBundle) {
        self.directory = directory
        self.bundle = bundle
        self.jwtBundle = jwtBundle
    }
}
