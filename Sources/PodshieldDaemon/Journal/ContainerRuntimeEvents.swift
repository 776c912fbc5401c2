import ContainerRuntime
import Telemetry

extension Event {
    init(_ event: ContainerRuntimeEvent, socket: String) {
        switch event {
        case .away(let reason): self = .containerRuntimeAway(socket: socket, reason: reason)
        case .back: self = .containerRuntimeBack(socket: socket)
        }
    }
}
