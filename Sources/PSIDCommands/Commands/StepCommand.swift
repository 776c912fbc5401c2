import AdminAPI
import PrintableText

/// One that leads a CA or a key on in its life.
protocol StepCommand: SessionCommand {
    associatedtype Document: StepDocument
    /// What is true of it then.
    static var outcome: String { get }

    func step(by admin: Admin) async throws -> Document
}

protocol StepDocument: Encodable, Sendable {
    /// What it is, and by which name it goes.
    var subject: String { get }
}

extension StepCommand {
    func run(in session: Session) async throws {
        let document = try await session.withAdmin { try await step(by: $0) }
        if session.isJSON { return try session.console.print(json: document) }
        session.console.print("\(document.subject) \(Self.outcome)".printable)
    }
}
