import Configuration
import Datapath
import LinuxBinding
import NodeIdentity
import NodeLink
import Telemetry

extension NodeLinkService {
    static func make(
        _ node: PodshieldConfiguration.Node, _ daemon: DaemonContext, _ identity: NodeIdentityService,
        _ datapath: Datapath, _ names: NameTable
    ) throws(StartError) -> NodeLinkService {
        let environment: NodeLinkEnvironment
        do throws(SystemError) { environment = try .system() } catch { throw .system(error) }
        var settings = NodeLinkSettings(address: node.address, port: node.linkPort)
        settings.epoch = node.link.epochLifetime
        settings.preconnect = node.link.preconnect
        settings.protected = daemon.configuration.protected
        let sink = KernelSink(datapath: datapath, paths: PeerPaths(own: node.address))
        return NodeLinkService(
            settings, identity: identity.transportIdentity, environment: environment, sink: sink,
            observe: { [reports = daemon.reports] event in
                for event in Event.of(event, names) { reports.record(event) }
            })
    }
}
