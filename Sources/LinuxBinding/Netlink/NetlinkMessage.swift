import CLinux

/// A message being written: header, family's fixed part, attributes, all aligned to 4 (netlink(7)).
struct NetlinkMessage {
    private(set) var bytes: [UInt8]

    /// - Parameter fixed: the structure that follows the header, such as `ifinfomsg`.
    init<Fixed: BitwiseCopyable>(_ type: some BinaryInteger, flags: some BinaryInteger, fixed: Fixed) {
        bytes = []
        let header = nlmsghdr(
            nlmsg_len: 0, nlmsg_type: UInt16(type), nlmsg_flags: UInt16(flags) | UInt16(NLM_F_REQUEST),
            nlmsg_seq: 0, nlmsg_pid: 0)
        append(header)
        append(fixed)
    }

    mutating func add(_ type: some BinaryInteger, _ payload: some Collection<UInt8>) {
        append(rtattr(rta_len: UInt16(4 + payload.count), rta_type: UInt16(type)))
        bytes += payload
        pad()
    }

    mutating func add(_ type: some BinaryInteger, _ value: UInt32) { add(type, value.nativeBytes) }

    mutating func add(_ type: some BinaryInteger, string: String) { add(type, Array(string.utf8) + [0]) }

    /// The finished message with its length and `sequence`.
    func sealed(sequence: UInt32) -> [UInt8] {
        var message = bytes
        message.replaceSubrange(0..<4, with: UInt32(bytes.count).nativeBytes)
        message.replaceSubrange(8..<12, with: sequence.nativeBytes)
        return message
    }

    private mutating func append<Value: BitwiseCopyable>(_ value: Value) {
        unsafe withUnsafeBytes(of: value) { unsafe bytes.append(contentsOf: $0) }
        pad()
    }

    private mutating func pad() {
        while bytes.count % 4 != 0 { bytes.append(0) }
    }
}

extension FixedWidthInteger {
    /// In the host's order.
    var nativeBytes: [UInt8] { unsafe withUnsafeBytes(of: self) { unsafe Array($0) } }
}
