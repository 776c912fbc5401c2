/// Versions of all that follows the Hello. An end speaks the newest that it knows and the one before, so that the nodes of a
/// cluster can be upgraded one after another.
package enum LinkVersions {
    static let newest: UInt8 = 2
    /// Refusals say that a certificate begins only later by the receiver's clock (docs/adr/0040).
    static let notYetValid: UInt8 = 2

    package static let spoken = spoken(upTo: newest)

    /// What a program speaks whose newest version is this, from 1.
    static func spoken(upTo newest: UInt8) -> ClosedRange<UInt8> { max(newest - 1, 1)...newest }
}
