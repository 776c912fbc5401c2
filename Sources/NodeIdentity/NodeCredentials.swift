internal import Identity
internal import Synchronization

/// The node's SVID and bundle, to be read at any time from any thread.
final class NodeCredentials: Sendable {
    private struct State {
        var svid: KeyedSVID?
        var bundle: TrustBundle
    }

    private let state: Mutex<State>

    init(svid: KeyedSVID?, bundle: TrustBundle) { state = Mutex(State(svid: svid, bundle: bundle)) }

    var svid: KeyedSVID? { state.withLock { $0.svid } }
    var bundle: TrustBundle { state.withLock { $0.bundle } }

    func replace(svid: KeyedSVID) { state.withLock { $0.svid = svid } }
    func replace(bundle: TrustBundle) { state.withLock { $0.bundle = bundle } }

    func replace(svid: KeyedSVID, bundle: TrustBundle) {
        state.withLock { $0 = State(svid: svid, bundle: bundle) }
    }
}
