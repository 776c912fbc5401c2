public import OpenSSLBinding

/// Where the CA's key is.
public enum KeyStore: Sendable {
    /// In `ca.key` of the state directory, made by the first start.
    case ownFile
    /// In a file that somebody else keeps. It is read and never made.
    case file(path: String)
    /// Where it cannot be read at all.
    case elsewhere(any SigningKeyStore)
}
