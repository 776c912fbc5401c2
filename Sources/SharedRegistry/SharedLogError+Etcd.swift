internal import Authority
internal import Etcd

extension SharedLogError {
    init(_ error: EtcdError) {
        switch error {
        case .unreachable, .compacted: self = .unreachable("\(error)")
        case .refused: self = .refused("\(error)")
        }
    }
}
