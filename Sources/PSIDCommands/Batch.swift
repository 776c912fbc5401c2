import PrintableText

/// What came of several things that a command was given at once.
struct Batch<Done: Sendable>: Sendable {
    var done: [Done] = []
    var failed = 0
}

extension Session {
    /// Does each. Of several, those that fail are named, and keep none of the others back.
    ///
    /// - Parameters:
    ///   - kind: what one of them is, for people.
    ///   - name: by which it goes, beside its place.
    func each<Item: Sendable, Done: Sendable>(
        of items: [Item], called kind: String, by name: any KeyPath<Item, String> & Sendable,
        _ call: @escaping @Sendable (Admin, Item) async throws -> Done
    ) async throws -> Batch<Done> {
        let console = console
        return try await withAdmin { admin in
            var batch = Batch<Done>()
            for (index, item) in items.enumerated() {
                do {
                    batch.done.append(try await call(admin, item))
                } catch {
                    let failure = CommandFailure(error)
                    guard items.count > 1, failure.isOfOneRequest else { throw failure }
                    console.report("\(kind) \(index + 1), \(item[keyPath: name]): \(failure.message)".printable)
                    batch.failed += 1
                }
            }
            return batch
        }
    }
}

extension CommandFailure {
    /// Rather than one that the next request would meet as well.
    fileprivate var isOfOneRequest: Bool { [.failure, .notFound].contains(status) }
}
