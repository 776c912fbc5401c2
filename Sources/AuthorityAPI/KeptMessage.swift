public import SwiftProtobuf

/// A message that is kept in files as well.
public protocol KeptMessage: Message {}

extension KeptMessage {
    public func encoded() throws -> [UInt8] { try serializedBytes() }

    public init(encoded: [UInt8]) throws { try self.init(serializedBytes: encoded) }
}

extension Podshield_Authority_V1_SignedDirectory: KeptMessage {}
extension Podshield_Authority_V1_Bundle: KeptMessage {}
extension Podshield_Authority_V1_Entry: KeptMessage {}
