import Addressing
import CPodshieldABI

extension IPAddress {
    /// Both forms are 16 bytes in network order, IPv4 mapped.
    init(_ address: ps_addr) {
        self.init(bytes: unsafe withUnsafeBytes(of: address) { unsafe Array($0) })!
    }
}

extension ps_addr {
    init(_ address: IPAddress) {
        self.init()
        unsafe withUnsafeMutableBytes(of: &self) { unsafe $0.copyBytes(from: address.bytes) }
    }
}
