internal import Foundation
internal import Identity
internal import OpenSSLBinding
internal import SwiftProtobuf
internal import WorkloadProtocol

typealias EnvoySecret = Envoy_Extensions_TransportSockets_Tls_V3_Secret

/// What one caller may have, by the names that Envoys ask for: those of SPIRE.
struct Secrets {
    enum Name {
        static let defaultSVID = "default"
        static let ownBundle = "ROOTCA"
        static let allBundles = "ALL"
    }

    static let typeURL = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"

    let context: X509Context
    let lists: EnvoyLists

    /// In the order of the names, each once; no name stands for all SVIDs and the bundle, by SPIFFE ID.
    func named(_ names: [String]) throws(Denial) -> [EnvoySecret] {
        let wanted = names.isEmpty ? context.svids.map(\.svid.svid.id.description) + bundles.map(\.name) : names
        var secrets: [EnvoySecret] = []
        // Lists may be large: who names them again and again does not get them again and again.
        for name in wanted where !secrets.contains(where: { $0.name == name }) { secrets.append(try secret(name)) }
        return secrets
    }

    /// The own one first, each by the ID of its trust domain.
    private var bundles: [(name: String, bundle: TrustBundle)] {
        ([context.bundle] + context.foreignBundles).map { (SPIFFEID($0.trustDomain).description, $0) }
    }

    private func secret(_ name: String) throws(Denial) -> EnvoySecret {
        var secret = EnvoySecret()
        secret.name = name
        switch name {
        case Name.ownBundle: secret.validationContext = try validation(context.bundle)
        case Name.allBundles: secret.validationContext = try allBundles()
        default:
            if let (_, bundle) = bundles.first(where: { $0.name == name }) {
                secret.validationContext = try validation(bundle)
            } else {
                secret.tlsCertificate = try certificate(name)
            }
        }
        return secret
    }

    private func certificate(_ name: String) throws(Denial) -> Envoy_Extensions_TransportSockets_Tls_V3_TlsCertificate {
        let hinted =
            name == Name.defaultSVID
            ? context.svids.first : context.svids.first { $0.svid.svid.id.description == name }
        guard let hinted else { throw .noIdentity }
        var certificate = Envoy_Extensions_TransportSockets_Tls_V3_TlsCertificate()
        certificate.certificateChain = try .pem(hinted.svid.svid.chain)
        do throws(OpenSSLError) {
            // The one way out of a workload's key beside the Workload API's: into the hands of the workload.
            let key = try hinted.svid.key.pkcs8PEM()
            certificate.privateKey.inlineBytes = unsafe key.withUnsafeBytes { unsafe Data($0) }
        } catch {
            throw .unencodable
        }
        return certificate
    }

    private func validation(
        _ bundle: TrustBundle
    ) throws(Denial) -> Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext {
        var context = Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext()
        context.trustedCa = try .pem(bundle.authorities)
        if !bundle.revocations.isEmpty { context.crl.inlineBytes = lists.pem(bundle.revocations) }
        return context
    }

    /// Envoy then trusts a peer by the bundle of the trust domain that it claims.
    private func allBundles() throws(Denial) -> Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext {
        var validator = Envoy_Extensions_TransportSockets_Tls_V3_SPIFFECertValidatorConfig()
        for (_, bundle) in bundles {
            var trusted = Envoy_Extensions_TransportSockets_Tls_V3_SPIFFECertValidatorConfig.TrustDomain()
            trusted.name = "\(bundle.trustDomain)"
            trusted.trustBundle = try .pem(bundle.authorities)
            // This validator passes `crl` over, and takes the lists that it finds among the roots.
            if !bundle.revocations.isEmpty { trusted.trustBundle.inlineBytes += lists.pem(bundle.revocations) }
            validator.trustDomains.append(trusted)
        }
        var answer = Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext()
        answer.customValidatorConfig.name = "envoy.tls.cert_validator.spiffe"
        answer.customValidatorConfig.typedConfig = try validator.packed()
        return answer
    }
}

extension Envoy_Config_Core_V3_DataSource {
    fileprivate static func pem(_ certificates: [Certificate]) throws(Denial) -> Self {
        var source = Self()
        do throws(OpenSSLError) {
            var text = ""
            for certificate in certificates { text += try certificate.pem }
            source.inlineBytes = Data(text.utf8)
        } catch {
            throw .unencodable
        }
        return source
    }
}

extension Message {
    /// As Envoy wants it in an Any.
    func packed() throws(Denial) -> Google_Protobuf_Any {
        do { return try Google_Protobuf_Any(message: self) } catch { throw .unencodable }
    }
}
