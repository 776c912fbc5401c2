extension Sequence<UInt8> {
    /// Two lower-case digits a byte.
    public var hexadecimal: String { hexadecimal(separator: "") }

    /// The same with something between, such as the colons of a hardware address.
    public func hexadecimal(separator: String) -> String {
        map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: separator)
    }
}
