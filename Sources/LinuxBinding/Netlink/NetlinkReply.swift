import CLinux

/// One message received: its type and what follows the header.
struct NetlinkReply {
    let type: UInt16
    let flags: UInt16
    let sequence: UInt32
    let payload: ArraySlice<UInt8>

    /// The messages of a datagram; what is cut short is left out.
    static func all(in datagram: [UInt8]) -> [NetlinkReply] {
        var replies: [NetlinkReply] = []
        var rest = datagram[...]
        while let header = rest.structure(at: 0, as: nlmsghdr.self) {
            let length = Int(header.nlmsg_len)
            guard length >= 16, length <= rest.count else { break }
            let message = rest.prefix(length)
            replies.append(
                NetlinkReply(
                    type: header.nlmsg_type, flags: header.nlmsg_flags, sequence: header.nlmsg_seq,
                    payload: message.dropFirst(16)))
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return replies
    }

    /// The attributes after a fixed part of `size` bytes. A type given twice keeps its last value.
    func attributes(after size: Int) -> NetlinkAttributes {
        NetlinkAttributes(payload.dropFirst((size + 3) & ~3))
    }
}

/// Attributes by type.
struct NetlinkAttributes {
    private(set) var values: [UInt16: ArraySlice<UInt8>] = [:]

    init(_ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        while let header = rest.structure(at: 0, as: rtattr.self) {
            let length = Int(header.rta_len)
            guard length >= 4, length <= rest.count else { break }
            // The two top bits say "nested" and "network order".
            values[header.rta_type & 0x3fff] = rest.prefix(length).dropFirst(4)
            rest = rest.dropFirst((length + 3) & ~3)
        }
    }

    subscript(_ type: some BinaryInteger) -> ArraySlice<UInt8>? { values[UInt16(type)] }

    func integer<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: some BinaryInteger, as _: Value.Type = Value.self
    ) -> Value? { self[type]?.structure(at: 0) }

    /// Text up to its zero byte.
    func string(_ type: some BinaryInteger) -> String? {
        self[type].map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    func nested(_ type: some BinaryInteger) -> NetlinkAttributes? { self[type].map(NetlinkAttributes.init) }
}

extension ArraySlice<UInt8> {
    /// A structure at an offset from the slice's start, or nil where it does not fit.
    func structure<Value: BitwiseCopyable>(at offset: Int, as type: Value.Type = Value.self) -> Value? {
        guard count >= offset + MemoryLayout<Value>.size else { return nil }
        return unsafe withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: offset, as: Value.self) }
    }
}
