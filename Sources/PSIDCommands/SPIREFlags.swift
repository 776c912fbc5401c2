/// The flags of SPIRE's commands, which many hands know: with one dash, and partly of other names.
enum SPIREFlags {
    private static let ours = [
        "-spiffeID": "--spiffe-id", "-parentID": "--node", "-entryID": "--entry-id", "-selector": "--selector",
        "-x509SVIDTTL": "--ttl", "-ttl": "--ttl", "-dns": "--dns", "-hint": "--hint", "-downstream": "--downstream",
        "-data": "--data",
        "-federatesWith": "--federates-with", "-trustDomain": "--trust-domain", "-bundleEndpointURL": "--url",
        "-bundleEndpointProfile": "--profile", "-endpointSpiffeID": "--endpoint-spiffe-id",
        "-trustDomainBundlePath": "--bundle", "-trustDomainBundleFormat": "--format", "-format": "--format",
        "-id": "--trust-domain", "-path": "--path", "-audience": "--audience", "-write": "--write",
        "-output": "--output", "-socketPath": "--socket",
    ]

    /// The same command line in our words; the shell's `-flag=value` included.
    static func translated(_ arguments: [String]) -> [String] {
        arguments.map { argument in
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let flag = parts.first.flatMap({ ours[String($0)] }) else { return argument }
            return parts.count == 2 ? "\(flag)=\(parts[1])" : flag
        }
    }
}
