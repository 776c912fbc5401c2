import Authority
import Configuration
import HTTPSClient
import KubernetesReview
import LinuxBinding
import OpenSSLBinding
import PatientThreads
import Synchronization

/// Has a cluster look at tokens, a few at a time, on threads that nothing else needs: who makes up tokens, or a cluster that
/// does not answer, keeps nobody waiting but those who join likewise.
final class ClusterReviews: Sendable {
    private let reviewer: TokenReviewer
    private let threads = PatientThreads(2)
    private let underWay = Mutex(0)

    private static let most = 16

    init(_ reviewer: TokenReviewer) {
        self.reviewer = reviewer
    }

    func review(_ token: String) async throws(ClusterRefusal) -> ClusterPod {
        let hasRoom = underWay.withLock { count in
            guard count < Self.most else { return false }
            count += 1
            return true
        }
        guard hasRoom else { throw .busy }
        defer { underWay.withLock { $0 -= 1 } }
        do throws(TokenReviewError) {
            return ClusterPod(try await answer(token).get())
        } catch {
            throw error.isOfTheToken ? .token("\(error)") : .unavailable("\(error)")
        }
    }

    private func answer(_ token: String) async -> Result<TokenReview, TokenReviewError> {
        let answer = await threads.result { [reviewer] () throws(TokenReviewError) in try reviewer.review(token) }
        return answer ?? .failure(.unreachable("the join was given up"))
    }
}

extension ClusterPod {
    fileprivate init(_ review: TokenReview) {
        self.init(
            serviceAccount: "\(review.namespace):\(review.serviceAccount)", node: review.node,
            nodeUID: review.nodeUID)
    }
}

extension ClusterTokens {
    init(_ settings: PodshieldConfiguration.Cluster) throws(StartError) {
        let server = HTTPSServer(
            host: settings.server.host, port: settings.server.port,
            roots: try Certificate.roots(in: settings.caFile, of: .kubernetesCAFile), now: WallClock.seconds)
        let reviewer = TokenReviewer(server, audience: settings.audience) { () throws(TokenReviewError) in
            try Self.ownToken(settings.tokenFile)
        }
        let reviews = ClusterReviews(reviewer)
        self.init(serviceAccounts: Set(settings.serviceAccounts)) { (token) throws(ClusterRefusal) in
            try await reviews.review(token)
        }
    }

    /// Its mode is the kubelet's business, where the authority is a pod.
    private static func ownToken(_ path: String) throws(TokenReviewError) -> SecretBytes {
        do throws(SystemError) {
            var text = try AtomicFile.read(path, limit: TokenReviewer.longestToken)
            defer { text.wipe() }
            if let end = text.firstIndex(where: \.isSpace) { text.removeSubrange(end...) }
            return SecretBytes(text)
        } catch {
            throw .credentials("\(error)")
        }
    }
}

extension UInt8 {
    fileprivate var isSpace: Bool { " \t\r\n".utf8.contains(self) }
}
