import Preflight
import Telemetry

/// `psid doctor -o json`.
struct DoctorDocument: Encodable {
    /// What keeps the daemon from its work comes first; the same is said once.
    let findings: [Finding]

    struct Finding: Encodable {
        let code: String
        /// Stable word for the code, such as `clock-skewed`.
        let kind: String
        /// `error` or `warning`.
        let severity: String
        let message: String
        /// What to do about it.
        let remedy: String
    }
}

extension DoctorDocument {
    init(_ obstacles: [Obstacle]) {
        let ordered = obstacles.filter(\.isError) + obstacles.filter { !$0.isError }
        var seen: Set<String> = []
        findings = ordered.filter { seen.insert("\($0.kind.code) \($0.message)").inserted }.map(Finding.init)
    }

    /// Whether there is nothing but warnings.
    var isSound: Bool { !findings.contains { $0.severity == "error" } }
}

extension DoctorDocument.Finding {
    init(_ obstacle: Obstacle) {
        code = obstacle.kind.code
        kind = obstacle.kind.rawValue
        severity = obstacle.isError ? "error" : "warning"
        message = obstacle.message
        remedy = obstacle.remedy
    }
}
