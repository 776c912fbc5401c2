import Addressing
import Federation
import Identity
import JOSE

/// What a value has to be.
struct Kind<Value>: Sendable {
    /// Completes "is not ...".
    let expected: String
    /// Must not be repeated in a message.
    var isSecret = false
    let parse: @Sendable (String) -> Value?
}

extension Kind where Value == String {
    /// `[a-zA-Z0-9._-]`: one segment of a SPIFFE ID's path, at most 63 bytes.
    static let segment = Kind(expected: "a name of 1 to 63 letters, digits, '.', '_', '-'") { text in
        let fits = (1...63).contains(text.utf8.count) && text != "." && text != ".."
        return fits && text.utf8.allSatisfy { isLetterOrDigit($0) || "._-".utf8.contains($0) } ? text : nil
    }

    /// At most 32 bytes, padded with spaces by the token (PKCS #11 section 3.2).
    static let tokenLabel = Kind(expected: "a token's label of 1 to 32 bytes") { text in
        (1...32).contains(text.utf8.count) && !text.utf8.contains(0) && !text.hasSuffix(" ") ? text : nil
    }

    static let keyLabel = Kind(expected: "a key's label of 1 to 128 bytes") { text in
        (1...128).contains(text.utf8.count) && !text.utf8.contains(0) ? text : nil
    }

    /// Where something is mounted in Vault: segments of `segment` between slashes.
    static let mount = Kind(expected: "a path such as transit or teams/transit") { text in
        let segments = text.split(separator: "/", omittingEmptySubsequences: false)
        return text.utf8.count <= 255 && segments.allSatisfy { segment.parse(String($0)) != nil } ? text : nil
    }

    static let instance = Kind(expected: "an instance name of 1 to 64 letters, digits, '-', '_'") { text in
        let fits = (1...64).contains(text.utf8.count)
        return fits && text.utf8.allSatisfy { isLetterOrDigit($0) || "_-".utf8.contains($0) } ? text : nil
    }

    /// A trailing slash is taken off.
    static let path = Kind(expected: "an absolute path") { text in
        guard text.hasPrefix("/"), !text.utf8.contains(0), text.utf8.count < 4096 else { return nil }
        return text.count > 1 && text.hasSuffix("/") ? String(text.dropLast()) : text
    }

    /// What the kernel takes as one (`dev_valid_name`).
    static let device = Kind(expected: "a device name of 1 to 15 characters") { text in
        let fits = (1...15).contains(text.utf8.count) && text != "." && text != ".."
        return fits && text.utf8.allSatisfy { $0 > 32 && $0 != 127 && !"/:".utf8.contains($0) } ? text : nil
    }

    /// Colons between the bytes are passed over.
    static let fingerprint = Kind(expected: "a SHA-256 fingerprint of 64 hexadecimal digits") { text in
        let digits = text.filter { $0 != ":" }.lowercased()
        return digits.utf8.count == 64 && digits.utf8.allSatisfy { isHexDigit($0) } ? digits : nil
    }

    static let token = Kind(expected: "a token of 1 to 128 characters", isSecret: true) { text in
        (1...128).contains(text.utf8.count) && text.utf8.allSatisfy { (33...126).contains($0) } ? text : nil
    }

    /// Two names of Kubernetes (RFC 1123).
    static let serviceAccount = Kind(expected: "a service account such as podshield:node") { text in
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy(isKubernetesName) ? text : nil
    }

    private static func isKubernetesName(_ text: Substring) -> Bool {
        (1...253).contains(text.utf8.count)
            && text.utf8.allSatisfy { isLetterOrDigit($0) || "-.".utf8.contains($0) } && text.lowercased() == text
    }

    static let audience = Kind(expected: "an audience of 1 to 253 printable characters") { text in
        (1...253).contains(text.utf8.count) && text.utf8.allSatisfy { (33...126).contains($0) } ? text : nil
    }

    /// Plain segments and whole-segment placeholders; the first is plain and one, at least, is not.
    static let identityTemplate = Kind(
        expected: "a path such as /ns/{namespace}/sa/{service-account}, whose first segment is a word of its own"
    ) { text in
        let placeholders = ["{namespace}", "{service-account}", "{pod-name}"]
        let segments = text.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        guard text.hasPrefix("/"), let first = segments.first, first != "podshield" else { return nil }
        guard !placeholders.contains(first), segments.contains(where: placeholders.contains) else { return nil }
        return segments.allSatisfy { placeholders.contains($0) || segment.parse($0) != nil } ? text : nil
    }
}

extension Kind where Value == [UInt8] {
    static let keyID = Kind(expected: "a key's ID of 1 to 64 bytes in hexadecimal") { text in
        let digits = Array(text.utf8)
        guard (2...128).contains(digits.count), digits.count % 2 == 0, digits.allSatisfy(isHexDigit) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).compactMap { place in
            UInt8(String(decoding: digits[place...place + 1], as: UTF8.self), radix: 16)
        }
    }
}

extension Kind where Value == String {
    /// As tss2-tctildr(7) has it, but no way that runs a program (cmd) or writes down what is said (pcap), and none of the library's
    /// that nothing here was tried with.
    static let tpm = Kind(
        expected:
            "a TPM such as device:/dev/tpmrm0, a device with a resource manager, or swtpm:host=127.0.0.1,port=2321"
    ) { text in
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, text.utf8.count <= 255, text.utf8.allSatisfy({ (33...126).contains($0) }) else {
            return nil
        }
        switch parts[0] {
        case "device": return parts[1].hasPrefix("/") && !isRawTPM(parts[1]) ? text : nil
        case "swtpm": return text
        default: return nil
        }
    }

    /// /dev/tpm0: who opens it keeps all others out, and leaves his keys in it when he is killed.
    private static func isRawTPM(_ path: Substring) -> Bool {
        let name = path.split(separator: "/").last ?? ""
        return name.hasPrefix("tpm") && name.dropFirst(3).allSatisfy(\.isNumber)
    }
}

extension Kind where Value == (number: Int, value: [UInt8]) {
    /// Any program may set registers 16 and 23 back, and then have them say what it likes (PC Client Platform TPM Profile,
    /// section 4.6): they prove nothing.
    private static let lastingRegisters = Set(0...23).subtracting([16, 23])

    static let platformRegister = Kind(
        expected: "a register from 0 to 22 but 16, and its value, such as 7:0123... of 64 hexadecimal digits"
    ) { text in
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let number = Int(parts[0]), lastingRegisters.contains(number),
            parts[1].utf8.count == 64
        else { return nil }
        return Kind<[UInt8]>.keyID.parse(String(parts[1])).map { (number, $0) }
    }
}

extension Kind where Value == Bool {
    static let bool = Kind(expected: "true or false", parse: Bool.init)
}

extension Kind where Value == UInt16 {
    static let port = Kind(expected: "a port from 1 to 65535") { text in
        UInt16(text).flatMap { $0 > 0 ? $0 : nil }
    }
}

extension Kind where Value == UInt32 {
    static let markMask = Kind(expected: "two or more adjacent bits of 32, such as 0x0c000000") { text in
        guard text.hasPrefix("0x"), let mask = UInt32(text.dropFirst(2), radix: 16), mask != 0 else { return nil }
        let bits = mask >> mask.trailingZeroBitCount
        return bits & (bits &+ 1) == 0 && bits >= 3 ? mask : nil
    }
}

extension Kind where Value == Int {
    static func count(_ range: ClosedRange<Int>) -> Kind {
        Kind(expected: "a number from \(range.lowerBound) to \(range.upperBound)") { text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    static func powerOfTwo(_ range: ClosedRange<Int>) -> Kind {
        Kind(expected: "a power of two from \(range.lowerBound) to \(range.upperBound)") { text in
            Int(text).flatMap { range.contains($0) && $0.nonzeroBitCount == 1 ? $0 : nil }
        }
    }
}

extension Kind where Value == Duration {
    static func duration(from shortest: String, to longest: String) -> Kind {
        Kind(expected: "a time from \(shortest) to \(longest), in s, m, h or d") { text in
            guard let value = seconds(text), let shortest = seconds(shortest), let longest = seconds(longest) else {
                return nil
            }
            return (shortest...longest).contains(value) ? .seconds(value) : nil
        }
    }

    private static func seconds(_ text: String) -> Int? {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
        guard let last = text.last, let unit = units[last], let count = UInt32(text.dropLast()) else { return nil }
        return Int(count) * unit
    }
}

extension Kind where Value == TrustDomain {
    static let trustDomain = Kind(expected: "a trust domain: letters a to z, digits, '.', '-', '_'") { text in
        try? TrustDomain(text)
    }
}

extension Kind where Value == JWTIssuer {
    static let issuer = Kind(expected: "an https URL without query, fragment and final slash") { text in
        try? JWTIssuer(text)
    }
}

extension Kind where Value == IPAddress {
    static let address = Kind(expected: "an IP address", parse: IPAddress.init)

    /// One that a node can have.
    static let nodeAddress = Kind(expected: "an IP address of a machine") { text in
        IPAddress(text).flatMap { $0.isMulticast || $0.isUnspecified ? nil : $0 }
    }
}

extension Kind where Value == IPPrefix {
    static let prefix = Kind(
        expected: "a prefix such as 10.42.0.0/16 or fd42::/48, without host bits", parse: IPPrefix.init)
}

extension Kind where Value == EndpointURL {
    static let endpointURL = Kind(expected: "an https URL without a user and a fragment") { text in
        try? EndpointURL(text)
    }
}

extension Kind where Value == SPIFFEID {
    static let spiffeID = Kind(expected: "a SPIFFE ID, such as spiffe://example.org/podshield/authority/a") { text in
        try? SPIFFEID(text)
    }

    /// One that a workload can have.
    static let workloadID = Kind(expected: "the SPIFFE ID of a workload, such as spiffe://example.org/broker") { text in
        (try? SPIFFEID(text)).flatMap { $0.kind == .workload ? $0 : nil }
    }
}

extension Kind where Value == Endpoint {
    /// Without a name, which somebody would have to look up.
    static let listening = Kind(expected: "address:port, an IPv6 address in brackets") { text in
        Endpoint(text).flatMap { $0.address == nil ? nil : $0 }
    }

    static let endpoint = Kind(expected: "host:port, an IPv6 address in brackets", parse: Endpoint.init)
}

extension Kind where Value: RawRepresentable & CaseIterable & Sendable, Value.RawValue == String {
    static var word: Kind {
        let words = Value.allCases.map(\.rawValue)
        return Kind(
            expected: words.dropLast().joined(separator: ", ") + " or " + words[words.count - 1],
            parse: { Value(rawValue: $0) })
    }
}

extension IPAddress {
    var isUnspecified: Bool { packed.allSatisfy { $0 == 0 } }

    /// Reached from the machine itself alone.
    var isLoopback: Bool { IPPrefix("127.0.0.0/8")?.contains(self) == true || self == IPAddress("::1") }
}

private func isLetterOrDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
    default: false
    }
}

private func isHexDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
    default: false
    }
}
