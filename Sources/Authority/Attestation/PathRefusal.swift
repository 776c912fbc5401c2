internal import OpenSSLBinding

/// What a witness says of a certificate whose path leads to none of its issuers, or is not good.
protocol PathRefusal: Error {
    static var unknownIssuer: Self { get }
    static var expired: Self { get }
    static var notYetValid: Self { get }
    static func invalidPath(_ reason: String) -> Self
}

extension MachineRejection: PathRefusal {}
extension TPMRejection: PathRefusal {}

extension PathRefusal {
    private static var mostIntermediates: Int { 3 }

    /// From the leaf to one of the roots, both included; good at `now` (seconds since 1970).
    static func path(
        from leaf: Certificate, by intermediates: [Certificate], to roots: [Certificate], at now: Int64
    ) throws(Self) -> [Certificate] {
        do throws(PathValidation.Failure) {
            return try PathValidation.validate(
                leaf: leaf, intermediates: intermediates, roots: roots, at: now,
                maximumIntermediates: mostIntermediates)
        } catch {
            switch error.kind {
            case .unknownAuthority: throw .unknownIssuer
            case .expired: throw .expired
            case .notYetValid: throw .notYetValid
            case .other: throw .invalidPath(error.reason)
            }
        }
    }
}
