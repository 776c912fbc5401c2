import Addressing

extension ConfigurationReader {
    mutating func node() -> PodshieldConfiguration.Node? {
        let name = document.required(.nodeName, .segment)
        let address = document.required(.nodeAddress, .nodeAddress)
        let linkPort = document.value(.nodeLinkPort, .port, default: 7600)
        let espPort = document.value(.nodeESPPort, .port, default: 4500)
        let keyType = document.value(.nodeKeyType, .word, default: PodshieldConfiguration.KeyType.ecP256)
        let seals = document.has(.nodeStateKeyFile) || document.has(.nodeStateKeyCredential)
        let stateKey = seals ? secret(.nodeStateKeyFile, .nodeStateKeyCredential) : nil
        let containerRuntime = document.value(.nodeContainerRuntime, .path)
        let permissive = document.value(.permissive, .bool, default: false)
        let sdsRequiresHeader = document.value(.sdsRequireHeader, .bool, default: false)
        let sdsHasRevocationLists = document.value(.sdsRevocationLists, .bool, default: true)
        let broker = broker()
        let (uplinks, link, datapath, helper) = (uplinks(), link(), datapath(), netnsHelper())
        guard let name, let address else { return nil }
        return PodshieldConfiguration.Node(
            name: name, address: address, linkPort: linkPort, espPort: espPort, keyType: keyType, stateKey: stateKey,
            containerRuntime: containerRuntime, permissive: permissive, sdsRequiresHeader: sdsRequiresHeader,
            sdsHasRevocationLists: sdsHasRevocationLists, broker: broker, uplinks: uplinks, link: link,
            datapath: datapath, netnsHelper: helper)
    }

    private mutating func uplinks() -> PodshieldConfiguration.Uplinks {
        guard document.has(.uplinks), document.text(.uplinks) != "auto" else { return .auto }
        let devices = document.list(.uplinks, .device)
        if document.isEmptyList(.uplinks) { document.report("names no device", at: .uplinks) }
        return .devices(devices)
    }

    private mutating func link() -> PodshieldConfiguration.Link {
        PodshieldConfiguration.Link(
            epochLifetime: document.value(
                .linkEpochLifetime, .duration(from: "10s", to: "1d"), default: .seconds(3600)),
            rekeyPackets: document.value(.linkRekeyPackets, .count(10_000...4_000_000_000), default: 1_000_000_000),
            rekeyBytes: document.value(
                .linkRekeyBytes, .count(1_048_576...(1 << 56)), default: 1_099_511_627_776),
            preconnect: document.value(.linkPreconnect, .bool, default: true))
    }

    private mutating func datapath() -> PodshieldConfiguration.Datapath {
        PodshieldConfiguration.Datapath(
            attachment: document.value(.datapathAttachment, .word, default: .auto),
            markMask: document.value(.datapathMarkMask, .markMask, default: 0x0c00_0000),
            eventsPerSecond: document.value(.datapathEventsPerSecond, .count(1...1_000_000), default: 100),
            tables: tables())
    }

    private mutating func tables() -> PodshieldConfiguration.Tables {
        PodshieldConfiguration.Tables(
            securityAssociations: document.value(
                .tablesSecurityAssociations, .powerOfTwo(2...65536), default: 4096),
            peers: document.value(.tablesPeers, .count(1...65536), default: 1024),
            localAddresses: document.value(.tablesLocalAddresses, .count(1...1_048_576), default: 4096),
            remoteAddresses: document.value(.tablesRemoteAddresses, .count(1...16_777_216), default: 65536),
            pods: document.value(.tablesPods, .count(1...65536), default: 1024),
            protectedPrefixes: document.value(.tablesProtectedPrefixes, .count(1...65536), default: 256),
            eventRingBytes: document.value(
                .tablesEventRing, .powerOfTwo(65536...1_073_741_824), default: 1_048_576))
    }

    private mutating func netnsHelper() -> PodshieldConfiguration.NetnsHelper {
        only(one: [.netnsHelperSocket, .netnsHelperExecutable])
        if let path = document.value(.netnsHelperExecutable, .path) { return .executable(path: path) }
        return .socket(
            path: document.value(.netnsHelperSocket, .path, default: PodshieldConfiguration.defaultHelperSocket))
    }
}
