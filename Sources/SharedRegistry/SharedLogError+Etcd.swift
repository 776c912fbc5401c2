internal import Authority
internal import Etcd

extension SharedLogError {
    init(_ error: EtcdError) {
        switch error {
        case .unreachable: self = .unreachable("\(error)")
        case .refused, .nonsense: self = .refused("\(error)")
        case .compacted: self = .unreachable("\(error)")
        }
    }
}
