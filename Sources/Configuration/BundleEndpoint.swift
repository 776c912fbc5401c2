public import Addressing

extension PodshieldConfiguration {
    /// Where whom to trust is published for other trust domains and for verifiers of tokens.
    public struct BundleEndpoint: Sendable, Equatable {
        public var address: IPAddress
        public var port: UInt16
        public var profile: EndpointProfile
        /// What is said to readers about when to come again.
        public var refreshHint: Duration

        public var profileName: String {
            switch profile {
            case .web: EndpointProfileWord.web.rawValue
            case .spiffe: EndpointProfileWord.spiffe.rawValue
            }
        }
    }

    /// By what the endpoint is known (SPIFFE_Federation.md section 5.2).
    public enum EndpointProfile: Sendable, Equatable {
        /// PEM files of a certificate that names the host.
        case web(certificate: String, key: String)
        /// The authority's own SVID.
        case spiffe
    }
}

enum EndpointProfileWord: String, CaseIterable {
    case web = "https-web"
    case spiffe = "https-spiffe"
}

extension ConfigurationReader {
    /// - Parameter fallback: where the authority listens.
    mutating func bundleEndpoint(orAt fallback: IPAddress?) -> PodshieldConfiguration.BundleEndpoint? {
        guard hasSection("bundle-endpoint") else { return nil }
        let address = document.value(.bundleEndpointAddress, .address) ?? fallback
        let port = document.value(.bundleEndpointPort, .port, default: 8443)
        let hint = document.value(
            .bundleEndpointRefreshHint, .duration(from: "10s", to: "1d"), default: .seconds(300))
        guard let profile = endpointProfile(), let address else { return nil }
        return PodshieldConfiguration.BundleEndpoint(address: address, port: port, profile: profile, refreshHint: hint)
    }

    private mutating func endpointProfile() -> PodshieldConfiguration.EndpointProfile? {
        let files = [ConfigurationKey.bundleEndpointCertificateFile, .bundleEndpointKeyFile]
        switch document.value(.bundleEndpointProfile, .word, default: EndpointProfileWord.spiffe) {
        case .spiffe:
            for key in files where document.has(key) {
                document.report("says nothing without profile https-web", at: key)
            }
            return .spiffe
        case .web:
            let (certificate, key) = (document.required(files[0], .path), document.required(files[1], .path))
            guard let certificate, let key else { return nil }
            return .web(certificate: certificate, key: key)
        }
    }
}

extension PodshieldConfiguration.BundleEndpoint {
    func text(_ key: ConfigurationKey) -> String? {
        switch (key, profile) {
        case (.bundleEndpointAddress, _): "\(address)"
        case (.bundleEndpointPort, _): "\(port)"
        case (.bundleEndpointRefreshHint, _): "\(refreshHint)"
        case (.bundleEndpointProfile, _): profileName
        case (.bundleEndpointCertificateFile, .web(let file, _)), (.bundleEndpointKeyFile, .web(_, let file)): file
        default: nil
        }
    }
}
