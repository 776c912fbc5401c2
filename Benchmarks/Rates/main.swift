// Prints rates, one a line: name and number a second. One argument: how long to measure each, in seconds.
import Foundation

guard let seconds = CommandLine.arguments.dropFirst().first.flatMap(Int.init), (1...60).contains(seconds) else {
    FileHandle.standardError.write(Data("usage: podshield-rates SECONDS (1 to 60, for each rate)\n".utf8))
    exit(64)
}

let measured: [(String, Double)] = [
    ("tls_handshakes_per_s", try TLSHandshake().rate(for: .seconds(seconds))),
    ("node_handshakes_per_s", try await NodeHandshake().rate(for: .seconds(seconds))),
    ("svids_signed_per_s", try Signing().rate(for: .seconds(seconds))),
    ("jwt_svids_signed_per_s", try JWTSigning().rate(for: .seconds(seconds))),
    ("svids_issued_per_s", try await EndToEndIssuance().rate(for: .seconds(seconds))),
]
for (name, rate) in measured { print(name, String(format: "%.1f", rate)) }
