internal import Identity
internal import JOSE
internal import Synchronization

/// The node's SVID and bundles, to be read at any time from any thread.
final class NodeCredentials: Sendable {
    private struct State {
        var svid: KeyedSVID?
        var bundle: TrustBundle
        var jwtBundle: JWTBundle
        var foreignBundles: [BundleDocument]
    }

    private let state: Mutex<State>

    init(svid: KeyedSVID?, bundle: TrustBundle, jwtBundle: JWTBundle, foreignBundles: [BundleDocument]) {
        state = Mutex(State(svid: svid, bundle: bundle, jwtBundle: jwtBundle, foreignBundles: foreignBundles))
    }

    var svid: KeyedSVID? { state.withLock { $0.svid } }
    var bundle: TrustBundle { state.withLock { $0.bundle } }
    var jwtBundle: JWTBundle { state.withLock { $0.jwtBundle } }
    /// For workloads alone.
    var foreignBundles: [BundleDocument] { state.withLock { $0.foreignBundles } }

    func replace(svid: KeyedSVID) { state.withLock { $0.svid = svid } }
    func replace(bundle: TrustBundle) { state.withLock { $0.bundle = bundle } }
    func replace(jwtBundle: JWTBundle) { state.withLock { $0.jwtBundle = jwtBundle } }
    func replace(foreignBundles: [BundleDocument]) { state.withLock { $0.foreignBundles = foreignBundles } }

    /// The keys for JWT-SVIDs and other trust domains' bundles come with the directory.
    func replace(svid: KeyedSVID, bundle: TrustBundle) {
        state.withLock {
            $0 = State(svid: svid, bundle: bundle, jwtBundle: .empty(bundle.trustDomain), foreignBundles: [])
        }
    }
}
