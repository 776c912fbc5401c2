extension Bool {
    var yesNo: String { self ? "yes" : "no" }
}

extension UInt32 {
    /// As SPIs are written: `0x` and eight digits.
    var hexadecimal: String {
        let digits = String(self, radix: 16)
        return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
    }
}

extension [String: String] {
    /// `key=value`, in the order of the keys.
    var assignments: String { sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",") }
}
