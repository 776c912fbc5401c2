import Addressing
import Glibc
import Identity

/// What is accepted as a SPIFFE ID is written as it was read.
func fuzzSPIFFEID(_ input: [UInt8]) {
    guard let text = String(validating: input, as: UTF8.self), let id = try? SPIFFEID(text) else { return }
    precondition(id.description.utf8.elementsEqual(input))
    precondition(input.count <= SPIFFEID.maximumLength)
    precondition(try! SPIFFEID(trustDomain: id.trustDomain, path: id.path) == id)
}

/// An address or prefix survives being written and read, and the C library reads the same.
func fuzzAddress(_ input: [UInt8]) {
    guard let text = String(validating: input, as: UTF8.self) else { return }
    if let address = IPAddress(text) {
        precondition(IPAddress(address.description) == address)
        precondition(libraryReads(text) == address && libraryReads(address.description) == address)
    }
    if let prefix = IPPrefix(text) {
        precondition(IPPrefix(prefix.description) == prefix)
        precondition(prefix.contains(prefix.address))
    }
}

private func libraryReads(_ text: String) -> IPAddress? {
    var bytes = [UInt8](repeating: 0, count: 16)
    if unsafe inet_pton(AF_INET6, text, &bytes) == 1 { return IPAddress(bytes: bytes) }
    guard unsafe inet_pton(AF_INET, text, &bytes) == 1 else { return nil }
    return IPAddress(bytes: bytes.prefix(4))
}
