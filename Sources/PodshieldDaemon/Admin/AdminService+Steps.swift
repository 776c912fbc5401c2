import AdminAPI
import Authority

extension AdminService {
    /// Asks the authority here to lead a CA or a key on, or where they stand.
    func step<Kind: Successive, Answer>(
        _ body: (AuthorityService) async throws(StepError<Kind>) -> Answer
    ) async throws(AdminError) -> Answer {
        let service = try requireAuthority()
        do throws(StepError<Kind>) { return try await body(service) } catch { throw AdminError(error) }
    }
}

extension AdminError {
    fileprivate init<Kind: Successive>(_ error: StepError<Kind>) {
        switch error {
        case .notFound(let name): self.init(.notFound, "\(error)", subject: name)
        case .foreign(let name, _): self.init(.precondition, "\(error)", subject: name)
        case .ambiguous(let beginning): self.init(.invalid, "\(error)", subject: beginning)
        case .alreadyPrepared, .nonePrepared, .tooEarly, .signs, .neverSigned, .lost, .notTainted, .inUse,
            .belowUpstream,
            .sharedKey, .ended, .takenOut, .takenBack:
            self.init(.precondition, "\(error)")
        case .tooMany: self.init(.exhausted, "\(error)")
        case .authority: self.init(.internal, "\(error)")
        }
    }
}
