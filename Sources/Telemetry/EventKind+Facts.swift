extension EventKind {
    struct Facts {
        let number: Int
        let priority: EventPriority
        let messageID: String

        init(_ number: Int, _ priority: EventPriority, _ messageID: String) {
            self.number = number
            self.priority = priority
            self.messageID = messageID
        }
    }

    /// New kinds take the next number of their thousand and an ID of `systemd-id128 new`.
    var facts: Facts {
        switch self {
        case .started: Facts(1001, .notice, "c6c85af6827f43b28c2ae493163c5179")
        case .ready: Facts(1002, .notice, "6b4ed2de6b5649199dd024708d279a53")
        case .stopping: Facts(1003, .notice, "b1dbcbbd87ff4ccba8ac06da258a9f9b")
        case .reloaded: Facts(1004, .notice, "c88ce79b6907445385ba396c3e9e501d")
        case .reloadRefused: Facts(1005, .error, "934320e5388d4a7b90341708773b4320")
        case .componentFailed: Facts(1006, .critical, "fa68d6a7ea2840ec8dee65eaf16f3361")
        case .permissive: Facts(1007, .warning, "de66d040cf19410e93ca981d3d436f7b")
        case .keyMemoryNotLocked: Facts(1008, .warning, "57e2081c14284536be51ae37d4811776")
        case .keyReleased: Facts(1009, .notice, "252a4273ca814e2b9a89e9002d27f5c6")
        case .adminRefused: Facts(1010, .warning, "7552c1d89dfa41e1937aafb22ea19c40")
        case .observationGap: Facts(1011, .warning, "f324813b1f164ce9bd12b0eccaf40a48")
        case .reportsLost: Facts(1012, .warning, "998d4e456f4940399bfd88b4f90e2f2e")
        case .authorityListening: Facts(2001, .notice, "df17d5872c6845dc808600297bd5bd23")
        case .connectionRefused: Facts(2002, .notice, "0abe5cccad404a9f873c21a961f37539")
        case .tokenGenerated: Facts(2003, .notice, "58173d6534cf4e99ba523a525c4c0f42")
        case .nodeAdmitted: Facts(2004, .notice, "e283235b3bf7470382340d5833cecf10")
        case .joinRefused: Facts(2005, .warning, "a0bcf2fb6cf548e383ddfbd395d3e837")
        case .nodeSVIDIssued: Facts(2006, .info, "44e433fa7f11422b8241263b49620b53")
        case .nodeBanned: Facts(2007, .notice, "8bb9ce0e7b4e412f882b9d76edfd8b29")
        case .nodeUnbanned: Facts(2008, .notice, "073ec8489ca64846a79ac3067a8b4277")
        case .entryCreated: Facts(2009, .notice, "afb729cd50ab4e13b3ec15388a4083ae")
        case .entryDeleted: Facts(2010, .notice, "03c2e2dbb01f49438de1c8870998b285")
        case .workloadSVIDIssued: Facts(2011, .info, "b0c84b8bf9304d48a03b3eb32655de49")
        case .callRefused: Facts(2012, .notice, "14a408902f0a4aa5853542809baddd15")
        case .leaseTakenOver: Facts(2013, .warning, "401b68499481407fbe44fb95b616a4ce")
        case .leasesRefused: Facts(2014, .warning, "5bb883a2ab824d5681741d98e5f7faa1")
        case .serverSVIDRenewed: Facts(2015, .info, "d341046ad0b54ffcb09b0dc4b677406d")
        case .serverSVIDRenewalFailed: Facts(2016, .error, "3b181633924c4b60a9d5b0bd055fda60")
        case .nodeJoined: Facts(3001, .notice, "31a4be5b909342549c0168691f9a2dfa")
        case .notJoined: Facts(3002, .error, "3748641a8a4f44a18977555b7325c766")
        case .nodeIdentityExpired: Facts(3003, .error, "2fe2bc8005df4b4fbd626bea616a3bf7")
        case .authorityConnected: Facts(3004, .info, "9f38b42d332b480385ca1ea18c0f10d0")
        case .authorityDisconnected: Facts(3005, .warning, "3dc00346f9224a1b8e3328506556e896")
        case .nodeSVIDRenewed: Facts(3006, .info, "1e01176958694fc29ea07f3c670b91f2")
        case .nodeSVIDRenewalFailed: Facts(3007, .warning, "c8f77d669d494b51a51825e03fe546ab")
        case .podSVIDReceived: Facts(3008, .info, "5c11325aa66c473392567445bb5d3437")
        case .podSVIDRenewalFailed: Facts(3009, .warning, "48ed9cea03434f86ab2fce951b6cc8aa")
        case .directoryAccepted: Facts(3010, .debug, "02d6af2fcbbd434880de07deac8c5201")
        case .directoryRefused: Facts(3011, .error, "8b2775bb30f2437ca4ddb940bf11570c")
        case .bundleChanged: Facts(3012, .notice, "12a01c7f67c24810bc5b077eea464800")
        case .ownLeasesRefused: Facts(3013, .warning, "5be6fd6e67674010abbfb3e5c70d6ff9")
        case .stateNotSaved: Facts(3014, .error, "6d9d4f19212547a98e1ca76346416360")
        case .stateNotUsed: Facts(3015, .notice, "00284451b72d482ebb70fb4f100e857b")
        case .linkListening: Facts(4001, .info, "c170c53102f24c64a76a2b1e1e91ed68")
        case .linkEstablished: Facts(4002, .notice, "9ae2bc03274e4cb1aa785c7ba462a545")
        case .linkLost: Facts(4003, .notice, "9b8e27c355c745dcbc247ac06e6e0f2d")
        case .linkFailed: Facts(4004, .warning, "7462073f3a484ce2a9fdc009e6a52055")
        case .linkRefused: Facts(4005, .warning, "c826c8b170104af8a113e5df4a1a21b6")
        case .epochConfirmed: Facts(4006, .info, "36296040b65b4931a3b1f335686d519d")
        case .epochFailed: Facts(4007, .warning, "5bd9ea1470c8423d850ea35f7012bfd3")
        case .associationInstalled: Facts(4008, .debug, "bbf34598f2324b53a2203f5cf1df80e0")
        case .associationFailed: Facts(4010, .error, "14de59778fda42ea9a4f2adb1b7c44fd")
        case .proofRefused: Facts(4011, .warning, "8869baa7a2494b3eaa67dbe6596a151d")
        case .ownProofRefused: Facts(4012, .warning, "a2c7ebe35df248c9bc01f76398e7b658")
        case .workloadWithdrawn: Facts(4013, .info, "34f8a389d5ea4b8aa2859af5ba3dad7a")
        case .addressQuarantined: Facts(4015, .notice, "8f9ef5b4b5d7472e9a674480a160e856")
        case .packetDropped: Facts(5001, .notice, "7cb0d775eea841cd8baaa672dcf6f487")
        case .packetForwarded: Facts(5002, .debug, "25cc6b3b210c4e199256bf4a8fdd5179")
        case .datapathLoaded: Facts(5003, .notice, "9f86b1453c6a474891d49caf1d9f7d26")
        case .datapathFailed: Facts(5004, .error, "b183b96c6a674399a97c37a6cae67df8")
        case .datapathUninstalled: Facts(5005, .notice, "5cb90c7386eb4e51a320b615a356e76e")
        case .protectedChanged: Facts(5006, .notice, "e7de58d0a53840d0a551b92aece389f3")
        case .uplinkAttached: Facts(5007, .info, "369add0a6c944f8cb17129cdc2310396")
        case .uplinkGone: Facts(5008, .info, "b200c5c2700145a0b9fce1fc252813f6")
        case .uplinkFailed: Facts(5009, .error, "2abc57eb4f824f6a9d61cf80b6a83f4e")
        case .noUplink: Facts(5010, .error, "f50bfdb70f9847ec8ba011c7fda8a2a7")
        case .kernelEventsLost: Facts(5011, .warning, "172f7cda0f9e42beb06d9d6d3a722be7")
        case .podAdded: Facts(5012, .notice, "7f1b04de168a4c888ed52019109e929c")
        case .podAddFailed: Facts(5013, .error, "1e57197e06524dcfbda7a12ce99486c9")
        case .podAdopted: Facts(5014, .info, "e47e309cb3df48ddb41ff187ca9d1279")
        case .podRemoved: Facts(5015, .notice, "c486885c6d7949a88102278959ebba4a")
        case .podGone: Facts(5016, .warning, "b6d072dced3d43cf89c57917a403dbb5")
        case .podWithoutIdentity: Facts(5017, .warning, "cf4de006db5548f4a24d2bb7e655453d")
        }
    }
}
