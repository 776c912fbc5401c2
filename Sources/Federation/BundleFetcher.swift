internal import HTTPSClient
public import Identity
internal import JOSE
internal import LinuxBinding
internal import OpenSSLBinding

/// Asks bundle endpoints. Redirects are not followed: where a bundle is, the relationship says.
public struct BundleFetcher: Sendable {
    /// PEM file of whom `https_web` endpoints are trusted by.
    public var webRootsFile: String
    /// Seconds since 1970.
    public var now: @Sendable () -> Int64

    /// Of one request, connecting included.
    public static let timeLimit = Duration.seconds(10)

    public init(webRootsFile: String = "/etc/ssl/certs/ca-certificates.crt", now: @escaping @Sendable () -> Int64) {
        self.webRootsFile = webRootsFile
        self.now = now
    }

    /// The bundle as it is now. Waits for the endpoint on the thread of whoever calls.
    ///
    /// - Parameter bundle: of a trust domain, by which an endpoint of it shows who it is; nil where none is held.
    public func fetch(
        _ relationship: Relationship, trusting bundle: (TrustDomain) -> TrustBundle?
    ) throws(FederationError) -> ForeignBundle {
        let url = relationship.url
        var server = HTTPSServer(
            host: url.host, port: url.port, trust: try trust(relationship.profile, bundle), now: now)
        server.timeLimit = Self.timeLimit
        server.largestAnswer = BundleDocument.largest + 16384
        let answer: HTTPResponse
        do throws(HTTPSError) {
            answer = try HTTPSConnections(server).answer(to: Self.request(url, server))
        } catch {
            throw .endpoint("\(error)")
        }
        guard answer.status == 200 else { throw .status(answer.status) }
        return try ForeignBundle(parsing: answer.body, of: relationship.trustDomain)
    }

    private func trust(
        _ profile: EndpointProfile, _ bundle: (TrustDomain) -> TrustBundle?
    ) throws(FederationError) -> ServerTrust {
        switch profile {
        case .web: return .named(roots: try webRoots())
        case .spiffe(let id):
            guard let bundle = bundle(id.trustDomain), !bundle.authorities.isEmpty else {
                throw .noBundle(id.trustDomain)
            }
            let verifier = SVIDVerifier(bundle: bundle)
            return .judged { [now] chain in Self.objection(to: chain, verifier, id, now()) }
        }
    }

    /// Why a chain does not show that an endpoint is this ID; nil if it does (SPIFFE_Federation.md section 5.2.2).
    private static func objection(
        to chain: [Certificate], _ verifier: SVIDVerifier, _ id: SPIFFEID, _ now: Int64
    ) -> String? {
        do throws(SVIDRejection) {
            let svid = try verifier.verify(chain: chain, at: now)
            return svid.id == id ? nil : "it is \(svid.id), not \(id)"
        } catch {
            return "\(error)"
        }
    }

    private func webRoots() throws(FederationError) -> [Certificate] {
        let roots: [Certificate]
        do {
            roots = try Certificate.parsePEMChain(String(decoding: GuardedFile.read(webRootsFile), as: UTF8.self))
        } catch {
            throw .noWebRoots(path: webRootsFile, reason: "\(error)")
        }
        guard !roots.isEmpty else { throw .noWebRoots(path: webRootsFile, reason: "there is none") }
        return roots
    }

    private static func request(_ url: EndpointURL, _ server: HTTPSServer) -> SecretBytes {
        let text = """
            GET \(url.target) HTTP/1.1\r
            Host: \(server.authority)\r
            Accept: application/json\r
            Connection: close\r
            \r

            """
        return SecretBytes(Array(text.utf8))
    }
}
