// A node of the directory that floods another: podshield-hostile-member STATE TRUST-DOMAIN VICTIM KIND SECONDS
//
// STATE is the state directory of a node whose daemon does not run, VICTIM another node's name. Closes with one line of JSON:
// rounds that came to an end, those that came to nothing, and how often what KIND says was done.
import Foundation
import Identity

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count == 5, let kind = Flood(rawValue: arguments[3]), let seconds = Double(arguments[4]) else {
    let kinds = Flood.allCases.map(\.rawValue).joined(separator: "|")
    FileHandle.standardError.write(
        Data("usage: podshield-hostile-member STATE TRUST-DOMAIN VICTIM \(kinds) SECONDS\n".utf8))
    exit(64)
}
let member = try Membership(state: URL(filePath: arguments[0]), trustDomain: TrustDomain(arguments[1]))
guard let victim = member.directory.nodes.first(where: { $0.id.path == "/podshield/node/\(arguments[2])" }) else {
    throw MemberError.noSuchNode(arguments[2])
}
let end = ContinuousClock.now + .seconds(seconds)

/// Counts of all workers.
struct Tally: Codable {
    var rounds = 0
    var refused = 0
    var done = 0
    var lastError: String?

    mutating func add(_ other: Tally) {
        rounds += other.rounds
        refused += other.refused
        done += other.done
        lastError = other.lastError ?? lastError
    }
}

func worker() async -> Tally {
    var tally = Tally()
    while ContinuousClock.now < end {
        do {
            tally.done += try await kind.round(with: victim, as: member, until: end)
            tally.rounds += 1
        } catch {
            tally.refused += 1
            tally.lastError = "\(error)"
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
    return tally
}

// Only one may work on the state of a node.
let workers = kind == .leases ? 1 : 4
let tallies = (0..<workers).map { _ in Task { await worker() } }
var total = Tally()
for tally in tallies { total.add(await tally.value) }
print(String(decoding: try JSONEncoder().encode(total), as: UTF8.self))
