import Authority
import Configuration
import OpenSSLBinding

extension Upstream {
    init(_ settings: PodshieldConfiguration.DiskUpstream) throws(StartError) {
        let chain = try Certificate.chain(in: settings.certificateFile, of: .upstreamDiskCertificateFile)
        self.init(chain: chain) { () throws(UpstreamKeyError) in
            guard let source = settings.key else {
                throw UpstreamKeyError("neither upstream-disk.key-file nor key-credential is set")
            }
            let pem: SecretBytes
            do throws(SecretError) { pem = try source.read() } catch { throw UpstreamKeyError("\(error)") }
            do throws(OpenSSLError) { return try PrivateKey(pem: pem) } catch { throw UpstreamKeyError("\(error)") }
        }
    }
}
