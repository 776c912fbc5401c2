import AdminAPI
import AuthorityAPI
import FoundationEssentials
import GRPCCore
import Identity
import NodeIdentity
import OpenSSLBinding
import Telemetry

extension AdminService {
    func issue(
        request: ServerRequest<Podshield_Admin_V1_IssueRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_IssueResponse> {
        let message = request.message
        let node = try requireNode()
        let (pod, issued) = try await identity(
            of: message.pod, namespace: message.namespace, renewed: message.renew, on: node)
        var answer = Podshield_Admin_V1_IssueResponse(issued, bundle: node.parts.identity.bundle)
        answer.pod = Podshield_Admin_V1_Pod(pod)
        if message.wantKey {
            answer.privateKey = try Self.der(of: issued.svid.key)
            daemon.telemetry.record(
                .keyReleased(
                    pod: issued.pod.name, namespace: issued.pod.namespace, spiffeID: "\(issued.svid.svid.id)",
                    user: AdminCaller.user(of: request.metadata) ?? .max))
        }
        return ServerResponse(message: answer)
    }

    private func identity(
        of name: String, namespace: String, renewed: Bool, on node: NodeRole
    ) async throws(AdminError) -> (HeldPod, IssuedWorkload) {
        do throws(PodError) {
            let pod = try await node.pods.identity(
                of: name, namespace: namespace.isEmpty ? nil : namespace, renewed: renewed)
            if let issued = pod.issued { return (pod, issued) }
        } catch {
            throw AdminError(error)
        }
        throw AdminError(.unavailable, "pod \(name) has no identity")
    }

    /// The one place where a key is put into memory that nobody wipes: the message on its way to who asked for it.
    static func der(of key: PrivateKey) throws -> Data {
        let der = try key.pkcs8DER()
        return unsafe der.withUnsafeBytes { bytes in unsafe Data(bytes) }
    }
}

extension Podshield_Admin_V1_IssueResponse {
    fileprivate init(_ issued: IssuedWorkload, bundle: TrustBundle) {
        self.init()
        let svid = issued.svid.svid
        spiffeID = "\(svid.id)"
        serial = svid.leaf.serialHex
        notBefore = svid.notBefore
        notAfter = svid.notAfter
        identity = issued.identity.rawValue
        node = svid.binding.map { "\($0.node)" } ?? ""
        chain = svid.chain.map { Data($0.der) }
        self.bundle = bundle.authorities.map { Data($0.der) }
    }
}
