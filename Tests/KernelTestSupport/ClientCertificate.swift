import Foundation

/// What a program shows that it connects as, in files.
public struct ClientCertificate: Sendable {
    let chain: String
    let key: String
    private let directory: TemporaryDirectory

    /// - Parameters:
    ///   - chain: in PEM, the leaf first.
    ///   - key: PKCS #8 in PEM.
    public init(chain: String, key: [UInt8]) throws {
        directory = try TemporaryDirectory()
        self.chain = directory.path + "/chain.pem"
        self.key = directory.path + "/key.pem"
        try Data(chain.utf8).write(to: URL(filePath: self.chain))
        try Data(key).write(to: URL(filePath: self.key))
    }
}
