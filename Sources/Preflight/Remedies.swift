public import Telemetry

extension EventKind {
    /// What to do about it; nil for what needs nothing done. docs/operations.md has the same words.
    public var remedy: String? {
        switch self {
        case .started: "wait, or see why in journalctl -u podshield-idd"
        case .stopping: "systemctl start podshield-idd; journalctl -u podshield-idd says why it ended"
        case .reloadRefused: "correct the file, then systemctl reload podshield-idd"
        case .permissive: "set permissive: false once every node is known, then systemctl reload podshield-idd"
        case .keyMemoryNotLocked: "let the daemon have CAP_IPC_LOCK, or raise LimitMEMLOCK="
        case .adminCrowded: "ss -xp names who holds connections open: end what does not need them"
        case .reportsLeftOut:
            "the events that were told say where they come from: look there, or keep it off by a firewall"
        case .bundleCertificateRefused:
            "correct bundle-endpoint.certificate-file and key-file; they are read again at the next connection"
        case .sharingInterrupted:
            "see that etcd has a majority of its members and room (etcdctl alarm list), and that etcd's section of the configuration says where they are and who we are"
        case .listsNotShared:
            "see what the reason names: etcd, its room and limits (etcdctl alarm list), or the registry here; it is tried again every two seconds"
        case .downstreamRefused:
            "if it is one: psid entry update --downstream, an SVID of that entry, and a CA here with room below: psid authority prepare, activate; for a key, downstream.jwt-keys"
        case .keysAboveFailed: "see what the reason names: downstream.jwt-keys above, or the server"
        case .bundleNotServed: "see what the reason names: the registry, most likely"
        case .machineCopied: "if the original still runs, join one of the two anew under a name of its own"
        case .connectionRefused, .linkRefused:
            "see what runs at that address: a node that is not let in says why in its own journal, anybody else is kept off by a firewall"
        case .joinRefused:
            "if that node is to be let in: psid token generate makes another token, psid node evict lets go of a name"
        case .nodeSVIDRenewalFailed:
            "see what the reason names: the authority, its CA's key or its upstream, or this node's TPM; once its time is over the node has to join again"
        case .epochFailed: "see what runs on that node: journalctl -u podshield-idd there says more"
        case .nodeIdentityExpired, .notJoined:
            "psid token generate on the authority, and the section join that it prints into this node's configuration; or see at the authority why its certificate, token or TPM is refused (PSD2005)"
        case .authorityDisconnected: "see that the authority runs and that its TCP port is reached from here"
        case .nodeShutOut:
            "psid node evict on the authority; with a certificate, a cluster's token or a TPM it joins by itself then. Else psid token generate --node NAME there, the token into this node's configuration, and systemctl restart podshield-idd"
        case .clockSkewed: "set the clock, and have a time service keep it"
        case .directoryFull: "delete entries and evict nodes that are gone; workloads go with their last certificate"
        case .caKeyAway: "see that the token or Vault is there and lets the daemon in; the reason says what it said"
        case .caSuccessionFailed:
            "see what the reason names: the upstream's key, Vault, the server above or the Workload API, room in paths.state; it is tried "
                + "again every half minute, where who is above is away every ten minutes at last"
        case .federationFailed:
            "see what the reason names: the endpoint, its certificate, or a first bundle that is missing (psid bundle set)"
        case .stateNotSaved: "see that paths.state can be written and has room"
        case .linkFailed, .linkLost: "see that the other node runs and that its TCP link port is reached from here"
        case .addressQuarantined: "wait; psid peers names the node that does not answer"
        case .peerNoisy: "see what that node runs; psid node ban on the authority shuts it out"
        case .datapathUninstalled: "systemctl restart podshield-idd"
        case .uplinkFailed: "see what else hooks the device; datapath.attachment chooses how we do"
        case .uplinkMissing: "correct the name under uplinks if it is wrong; a device that comes later is hooked"
        case .noUplink: "name the devices under uplinks, or set it to auto"
        case .kernelEventsLost:
            "raise tables.event-ring, or lower datapath.events-per-second; counters are complete anyway"
        case .podWithoutIdentity: "psid entry create on the authority for what the pod is"
        case .podGone: "nothing, if the pod has ended; otherwise psid pod add once it is there again"
        case .tableFull: "raise the size under tables, psid datapath uninstall, then start again"
        case .configurationRefused: "correct the file; psid config validate says all that is wrong with it"
        case .stateRefused: "give it the mode that is named, start the version that wrote it, or restore a backup"
        case .instanceHeld: "stop the other daemon, or give this one an instance of its own"
        case .kernelTooOld: "boot Linux 6.1 or newer"
        case .kernelTypesMissing: "boot a kernel that was built with CONFIG_DEBUG_INFO_BTF"
        case .capabilitiesMissing: "start it by its unit, or let it have CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"
        case .bpffsMissing: "mount -t bpf bpf /sys/fs/bpf, or correct paths.bpffs"
        case .programsRefused:
            "install the object of this version; if tables changed, psid datapath uninstall first"
        case .addressRefused: "stop the program that has the port, or correct address and port"
        case .spaceMissing: "make room on that file system"
        case .helperMissing: "systemctl start podshield-netns.socket, or correct netns-helper"
        case .startFailed: "journalctl -u podshield-idd says more"
        default: nil
        }
    }
}
