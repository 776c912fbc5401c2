import Issuance
import JOSE
import OpenSSLBinding
import Vault

/// What Vault's PKI engine, or whoever has its place, answers when it has signed. What is read is each certificate once, and first the
/// one that was asked for; a way that is found in it begins there and ends with a root.
func fuzzSignedAuthority(_ input: [UInt8]) {
    guard let answer = (try? JSONReader.read(input))?.object, let read = try? VaultCertificates(answer: answer) else {
        return
    }
    precondition((1...VaultCertificates.most + 1).contains(read.all.count))
    precondition(Set(read.all).count == read.all.count)
    guard let text = answer["data"]?.object?["certificate"]?.text, let first = try? Certificate.parsePEMChain(text)
    else { preconditionFailure("no certificate") }
    precondition(first == [read.all[0]] && text.utf8.count <= VaultCertificates.longestText)
    guard let chain = try? Answering(shown: read.all).chain(at: seedTime) else { return }
    precondition(chain.first == read.all[0] && chain.last?.issuer == chain.last?.subject)
    precondition(chain.allSatisfy { $0.notBefore <= seedTime && seedTime <= $0.notAfter })
}

/// An authority above, as far as one is asked who it is.
private struct Answering: UpstreamAuthority {
    let shown: [Certificate]
    let description = "fuzzed"

    func certificates() throws(UpstreamError) -> [Certificate] { shown }
    func sign(_ request: AuthorityRequest) throws(UpstreamError) -> [Certificate] { shown }
}
