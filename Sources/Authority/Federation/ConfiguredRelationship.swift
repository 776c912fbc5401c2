public import Federation

/// A relationship that the authority is started with, and which commands do not change.
public struct ConfiguredRelationship: Sendable {
    public let relationship: Relationship
    /// To begin with, where none is held.
    public let bundle: ForeignBundle?

    public init(_ relationship: Relationship, bundle: ForeignBundle?) {
        self.relationship = relationship
        self.bundle = bundle
    }
}
