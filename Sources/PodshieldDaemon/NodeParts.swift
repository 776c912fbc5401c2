import Addressing
import ContainerRuntime
import Datapath
import NetnsProtocol
import NodeIdentity
import NodeLink
import Telemetry

/// The services of a node that its flows connect.
struct NodeParts: Sendable {
    let datapath: Datapath
    let identity: NodeIdentityService
    let link: NodeLinkService
    let uplinks: UplinkWatch
    let helper: NetnsHelper
    /// Nil where the configuration names none.
    let containers: ContainerRuntime?
    let names: NameTable
    /// Of this node, as the directory has it.
    let address: IPAddress
    /// Seconds since 1970.
    let now: @Sendable () -> Int64
    let telemetry: Telemetry
}
