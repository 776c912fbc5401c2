internal import AdminAPI
internal import PrintableText

/// Letters of a line that quotes what somebody else wrote.
let longestLine = 1000

/// What a request of the admin socket means; nil for one that is refused: as the fault of who asked, in one line that fits into an
/// answer's trailers, and about what one of these fields says, if about a name at all.
func accepted<Value>(naming fields: [String], _ read: () throws(AdminError) -> Value) -> Value? {
    do throws(AdminError) { return try read() } catch {
        precondition(error.reason == .invalid, "a refusal that blames us: \(error)")
        precondition(!error.message.isEmpty && isOneLine(error.message), "no line: \(error)")
        precondition(error.message.unicodeScalars.count <= longestLine, "too much of it")
        precondition(error.subject.isEmpty || fields.contains { isBeginning(error.subject, of: $0) }, "\(error)")
        return nil
    }
}

/// Whether it is the text, or so much of it as a refusal quotes.
private func isBeginning(_ subject: String, of text: String) -> Bool {
    guard subject.utf8.count > AdminError.longest else { return subject.utf8.elementsEqual(text.utf8) }
    return text.utf8.starts(with: subject.utf8.dropLast("…".utf8.count))
}

/// Whether a terminal shows it as it is, on one line.
func isOneLine(_ text: String) -> Bool { text.unicodeScalars.elementsEqual(text.printable.unicodeScalars) }
