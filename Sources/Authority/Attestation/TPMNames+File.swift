internal import LinuxBinding

extension TPMNames {
    /// Of a file that nobody may change but root and this process's user: whoever writes it says who is a node.
    public init(contentsOf file: String) throws(TPMListFailure) {
        let text: [UInt8]
        do throws(PrivateFileError) { text = try GuardedFile.read(file, limit: Self.longest) } catch {
            throw TPMListFailure("\(error)")
        }
        do throws(TPMNamesError) { try self.init(String(decoding: text, as: UTF8.self)) } catch {
            throw TPMListFailure("\(file): \(error)")
        }
    }
}
