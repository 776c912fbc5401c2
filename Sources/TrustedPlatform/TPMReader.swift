/// Reads structures of the TPM 2.0 library specification, part 2: big-endian numbers, and buffers behind their 16-bit size.
struct TPMReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func take(_ count: Int) throws(TPMFormatError) -> [UInt8] {
        guard rest.count >= count else { throw .truncated }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    mutating func byte() throws(TPMFormatError) -> UInt8 { try take(1)[0] }
    mutating func number16() throws(TPMFormatError) -> UInt16 { try take(2).reduce(0) { $0 << 8 | UInt16($1) } }
    mutating func number32() throws(TPMFormatError) -> UInt32 { try take(4).reduce(0) { $0 << 8 | UInt32($1) } }

    /// The contents of a TPM2B.
    mutating func buffer(atMost limit: Int) throws(TPMFormatError) -> [UInt8] {
        let count = Int(try number16())
        guard count <= limit else { throw .tooLong }
        return try take(count)
    }

    mutating func expect(_ value: UInt16, _ what: TPMFormatError.Field) throws(TPMFormatError) {
        guard try number16() == value else { throw .other(what) }
    }

    /// Nothing may follow.
    func finish() throws(TPMFormatError) {
        guard rest.isEmpty else { throw .tooLong }
    }
}

/// Why bytes are none of the structures that are taken here.
public enum TPMFormatError: Error, Sendable, Equatable {
    case truncated
    case tooLong
    /// It is of another kind than the only one that is taken.
    case other(Field)

    public enum Field: String, Sendable {
        case type
        case nameAlgorithm = "name algorithm"
        case policy
        case symmetricAlgorithm = "symmetric algorithm"
        case scheme
        case hash
        case curve
        case keyDerivation = "key derivation"
        case point
        case magic
        case bank
    }
}

extension TPMFormatError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .truncated: "it is cut short"
        case .tooLong: "it is too long"
        case .other(let field): "its \(field.rawValue) is another than the one that is taken"
        }
    }
}

/// Numbers of part 2, sections 6.3, 6.4, 6.9 and 6.2.
enum TPMConstant {
    static let sha256: UInt16 = 0x000b
    static let null: UInt16 = 0x0010
    static let ecdsa: UInt16 = 0x0018
    static let ecc: UInt16 = 0x0023
    static let p256: UInt16 = 0x0003
    static let attestQuote: UInt16 = 0x8018
    /// TPM_GENERATED_VALUE: what a TPM signs with a restricted key begins so only if the TPM made it.
    static let generated: UInt32 = 0xff54_4347
}
