internal import FoundationEssentials
internal import Glibc
internal import SystemdBinding

/// Where events are written.
public struct EventDestination: Sendable {
    let write: @Sendable (RecordedEvent) -> Void

    /// - Parameter write: is called by one thread at a time.
    public init(_ write: @escaping @Sendable (RecordedEvent) -> Void) { self.write = write }

    /// The journal where standard error leads there, as it does under systemd; else standard error.
    public static func automatic(instance: String) -> EventDestination {
        Journal.receivesStandardError ? journal(instance: instance) : standardError
    }

    /// Native fields. What the journal does not take goes to standard error.
    ///
    /// - Parameter instance: empty while it is not known.
    public static func journal(instance: String) -> EventDestination {
        EventDestination { recorded in
            do throws(SystemdError) {
                try Journal.send(recorded.event.journalFields(instance: instance))
            } catch {
                writeLine(recorded.line)
            }
        }
    }

    /// One line an event.
    public static let standardError = EventDestination { writeLine($0.line) }

    private static func writeLine(_ line: String) {
        let bytes = Array("\(line)\n".utf8)
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(STDERR_FILENO, $0.baseAddress! + written, bytes.count - written)
            }
            if count < 0, errno == EINTR { continue }
            // Nobody is left to tell.
            guard count > 0 else { return }
            written += count
        }
    }
}

extension Event {
    func journalFields(instance: String) -> [JournalField] {
        let own: [(String, String)] =
            [
                ("MESSAGE", message), ("MESSAGE_ID", kind.messageID), ("PRIORITY", "\(kind.priority.rawValue)"),
                ("SYSLOG_IDENTIFIER", "podshield-idd"), (EventField.code.rawValue, kind.code),
                (EventField.kind.rawValue, kind.rawValue),
            ] + (instance.isEmpty ? [] : [(EventField.instance.rawValue, instance)])
        let further = fields.map { ($0.key.rawValue, $0.value) }.sorted { $0.0 < $1.0 }
        return (own + further).map { JournalField($0.0, $0.1) }
    }
}

extension RecordedEvent {
    /// `2026-11-25T19:16:17.123Z warning PSD5001 dropped at ...`
    var line: String {
        let date = Date(timeIntervalSince1970: Double(time / 1_000_000) / 1000)
        let stamp = date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        return "\(stamp) \(event.kind.priority.word) \(event.line)"
    }
}
