// swift-tools-version: 6.2
import PackageDescription

/// Every target: Swift 6 mode, strict memory safety, warnings are errors.
let strict: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// Generated protobuf and gRPC code is not held to our warnings.
let generated: [SwiftSetting] = []

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
]
let grpc: [Target.Dependency] = [
    .product(name: "GRPCCore", package: "grpc-swift-2"),
    .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
]
let grpcTransport: [Target.Dependency] = [
    .product(name: "GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport")
]
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")

func swiftTarget(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func testTarget(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.byName(name: name)] + dependencies,
        swiftSettings: strict)
}

let package = Package(
    name: "podshield",
    products: [
        .executable(name: "podshield-idd", targets: ["podshield-idd"]),
        .executable(name: "psid", targets: ["psid"]),
        .executable(name: "podshield-netns", targets: ["podshield-netns"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", exact: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf", exact: "1.39.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2", exact: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", exact: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", exact: "2.4.1"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        // L0: C
        .target(name: "CPodshieldABI", path: "bpf/abi", publicHeadersPath: "."),
        .target(
            name: "COpenSSL",
            linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
        .target(name: "CLibBPF", linkerSettings: [.linkedLibrary("bpf")]),
        .target(name: "CSQLite", linkerSettings: [.linkedLibrary("sqlite3")]),
        .target(name: "CSystemd", linkerSettings: [.linkedLibrary("systemd")]),
        .target(name: "CLinux"),
        .target(name: "CPKCS11"),
        .target(
            name: "CTSS2",
            linkerSettings: ["esys", "mu", "rc", "tctildr"].map { .linkedLibrary("tss2-\($0)") }),

        // L1: bindings, the only importers of C
        swiftTarget("OpenSSLBinding", ["COpenSSL"]),
        swiftTarget("BPFBinding", ["CLibBPF", "CPodshieldABI"]),
        swiftTarget("LinuxBinding", ["CLinux", "Addressing"]),
        swiftTarget("SQLiteBinding", ["CSQLite"]),
        swiftTarget("SystemdBinding", ["CSystemd"]),
        swiftTarget("PKCS11Binding", ["CPKCS11", "OpenSSLBinding", "PrintableText"]),
        swiftTarget("TPMBinding", ["CTSS2", "OpenSSLBinding", "TrustedPlatform"]),

        // L2: domain, pure values
        swiftTarget("Addressing"),
        swiftTarget("PrintableText"),
        swiftTarget("RateLimiting"),
        swiftTarget("Identity", ["Addressing", "OpenSSLBinding", "PrintableText"]),
        swiftTarget("JOSE", ["Identity", "OpenSSLBinding", "PrintableText"]),
        swiftTarget("Issuance", ["Identity", "JOSE", "OpenSSLBinding", "PrintableText"]),
        swiftTarget("TrustedPlatform", ["OpenSSLBinding", crypto]),
        swiftTarget("KeyAgreement", ["Addressing", "Identity", "OpenSSLBinding", "PrintableText", crypto]),

        // L3: transport and services; services never import each other
        swiftTarget("HTTPSClient", ["LinuxBinding", "OpenSSLBinding"]),
        swiftTarget(
            "Federation", ["HTTPSClient", "Identity", "JOSE", "LinuxBinding", "OpenSSLBinding", "PrintableText"]),
        swiftTarget("KubernetesReview", ["HTTPSClient", "JOSE", "OpenSSLBinding", "PrintableText"]),
        swiftTarget("Vault", ["HTTPSClient", "Issuance", "JOSE", "OpenSSLBinding", "PrintableText"]),
        swiftTarget("SecureTransport", ["Addressing", "Identity", "OpenSSLBinding", "RateLimiting"] + nio),
        .target(
            name: "AuthorityAPI",
            dependencies: [
                "Addressing", "Identity", "JOSE", "OpenSSLBinding", "PrintableText", "TrustedPlatform",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ] + grpc,
            exclude: ["Protos"],
            swiftSettings: generated),
        .target(
            name: "AdminAPI",
            dependencies: grpc + [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
            exclude: ["Protos"],
            swiftSettings: generated),
        .target(
            name: "WorkloadProtocol",
            dependencies: grpc + [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
            exclude: ["Protos"],
            swiftSettings: generated),
        .target(
            name: "EtcdAPI",
            dependencies: grpc + [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
            exclude: ["Protos"],
            swiftSettings: generated),
        .target(
            name: "SPIREAPI",
            dependencies: grpc + [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
            exclude: ["Protos"],
            swiftSettings: generated),
        .target(
            name: "CRIAPI",
            dependencies: grpc + [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
            exclude: ["Protos"],
            swiftSettings: generated),
        swiftTarget("Inquiry"),
        swiftTarget("PatientThreads", [.product(name: "NIOPosix", package: "swift-nio")]),
        swiftTarget("SecureCalls", ["SecureTransport"] + grpc + grpcTransport + nio),
        swiftTarget(
            "SPIREUpstream",
            [
                "Identity", "Inquiry", "Issuance", "JOSE", "OpenSSLBinding", "PrintableText", "SPIREAPI", "SecureCalls",
                "SecureTransport", "WorkloadProtocol", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ] + grpc + grpcTransport + nio),
        swiftTarget(
            "Etcd",
            ["EtcdAPI", "LinuxBinding", "PrintableText", .product(name: "SwiftProtobuf", package: "swift-protobuf")]
                + grpc + grpcTransport),
        swiftTarget(
            "ContainerRuntime",
            [
                "AuthorityAPI", "CRIAPI", "LinuxBinding", "PrintableText", "SecureTransport",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ] + grpc + grpcTransport + nio),
        swiftTarget(
            "WorkloadAPI",
            [
                "Addressing", "AuthorityAPI", "Identity", "JOSE", "LinuxBinding", "OpenSSLBinding", "PatientThreads",
                "PrintableText", "RateLimiting", "SecureTransport", "WorkloadProtocol",
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"), crypto,
            ] + grpc + grpcTransport + nio),
        swiftTarget(
            "Authority",
            [
                "Addressing", "AuthorityAPI", "Federation", "Identity", "Issuance", "JOSE", "LinuxBinding",
                "SecureTransport", "OpenSSLBinding", "PatientThreads", "PrintableText", "RateLimiting", "SPIREAPI",
                "SQLiteBinding", "TrustedPlatform", crypto,
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
            ] + grpc + grpcTransport + nio),
        swiftTarget("SharedRegistry", ["Authority", "Etcd", "Inquiry"]),
        swiftTarget(
            "BundleEndpoint",
            [
                "Addressing", "Identity", "JOSE", "LinuxBinding", "OpenSSLBinding", "PrintableText", "RateLimiting",
                "SecureTransport", .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ] + nio),
        swiftTarget(
            "NodeIdentity",
            [
                "Addressing", "AuthorityAPI", "Identity", "Issuance", "JOSE", "LinuxBinding", "SecureCalls",
                "SecureTransport", "OpenSSLBinding", "PatientThreads", "PrintableText", "TrustedPlatform",
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
            ] + grpc + grpcTransport + nio),
        swiftTarget(
            "NodeLink",
            [
                "Addressing", "Identity", "KeyAgreement", "LinuxBinding", "OpenSSLBinding", "RateLimiting",
                "SecureTransport", crypto,
            ] + nio),
        swiftTarget(
            "Datapath", ["Addressing", "Identity", "BPFBinding", "LinuxBinding", "PrintableText", "CPodshieldABI"]),
        swiftTarget("NetnsProtocol", ["Addressing", "LinuxBinding", "PrintableText"]),
        swiftTarget(
            "PodState", ["Addressing", "AuthorityAPI", "Identity", "KeyAgreement", "LinuxBinding", "NetnsProtocol"]),
        swiftTarget("Telemetry", ["PrintableText", "SystemdBinding"]),
        swiftTarget(
            "Configuration",
            [
                "Addressing", "Federation", "Identity", "JOSE", "LinuxBinding", "PrintableText",
                .product(name: "Yams", package: "Yams"),
            ]),

        // L4: composition
        swiftTarget(
            "Preflight",
            [
                "Addressing", "Authority", "Configuration", "Datapath", "Issuance", "LinuxBinding", "NodeIdentity",
                "PodState", "Telemetry",
            ]),
        swiftTarget(
            "PodshieldDaemon",
            [
                "Addressing", "AdminAPI", "Authority", "AuthorityAPI", "BundleEndpoint", "Configuration",
                "ContainerRuntime", "Datapath", "Etcd", "Federation", "HTTPSClient", "Identity", "Issuance", "JOSE",
                "KeyAgreement", "KubernetesReview", "LinuxBinding", "NetnsProtocol", "NodeIdentity", "NodeLink",
                "OpenSSLBinding", "PKCS11Binding", "PatientThreads", "PodState", "Preflight", "PrintableText",
                "RateLimiting", "SPIREUpstream", "SecureTransport", "SharedRegistry", "SystemdBinding", "TPMBinding",
                "Telemetry", "TrustedPlatform", "Vault", "WorkloadAPI",
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
            ] + grpc + grpcTransport + nio),
        .executableTarget(
            name: "podshield-idd",
            dependencies: [
                "AdminAPI", "PodshieldDaemon", "Configuration",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        swiftTarget(
            "PSIDCommands",
            [
                "AdminAPI", "Configuration", "Identity", "JOSE", "LinuxBinding", "OpenSSLBinding", "Preflight",
                "PrintableText", "Telemetry", "WorkloadProtocol",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ] + grpc + grpcTransport + nio),
        .executableTarget(name: "psid", dependencies: ["PSIDCommands"], swiftSettings: strict),
        .executableTarget(
            name: "podshield-netns", dependencies: ["Addressing", "LinuxBinding", "NetnsProtocol"],
            swiftSettings: strict),

        // Benchmarks
        .executableTarget(
            name: "podshield-rates",
            dependencies: [
                "Addressing", "Authority", "AuthorityAPI", "Identity", "Issuance", "JOSE", "KeyAgreement",
                "NodeIdentity", "NodeLink", "OpenSSLBinding", "RateLimiting", "SecureTransport",
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ] + nio,
            path: "Benchmarks/Rates",
            swiftSettings: strict),

        // Tests
        testTarget("OpenSSLBinding", ["KernelTestSupport"]),
        testTarget("Addressing"),
        testTarget("RateLimiting"),
        testTarget("Identity", ["Addressing", "OpenSSLBinding", "PrintableText"]),
        testTarget("JOSE", ["Identity", "Issuance", "KernelTestSupport", "OpenSSLBinding"]),
        testTarget("Issuance", ["Identity", "JOSE", "KernelTestSupport", "OpenSSLBinding"]),
        testTarget(
            "SecureTransport",
            [
                "Addressing", "Identity", "Issuance", "KernelTestSupport", "OpenSSLBinding", "RandomTestSupport",
                "RateLimiting", .product(name: "NIOEmbedded", package: "swift-nio"),
            ] + nio),
        testTarget(
            "Authority",
            [
                "Addressing", "AuthorityAPI", "Identity", "Issuance", "JOSE", "KernelTestSupport", "LinuxBinding",
                "OpenSSLBinding", "RateLimiting", "SecureTransport", .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        testTarget(
            "NodeIdentity",
            [
                "Addressing", "Authority", "AuthorityAPI", "BundleEndpoint", "Etcd", "EtcdTestSupport", "Federation",
                "Identity", "Issuance", "JOSE", "KernelTestSupport", "LinuxBinding", "OpenSSLBinding", "RateLimiting",
                "SPIREAPI", "SPIREUpstream", "SecureCalls", "SecureTransport", "SharedRegistry", "TPMBinding",
                "TPMTestSupport", "TrustedPlatform", "WorkloadProtocol",
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ] + grpc + grpcTransport + nio),
        .target(
            name: "KernelTestSupport", dependencies: ["LinuxBinding"], path: "Tests/KernelTestSupport",
            swiftSettings: strict),
        .target(
            name: "EtcdTestSupport", dependencies: ["Etcd", "KernelTestSupport"], path: "Tests/EtcdTestSupport",
            swiftSettings: strict),
        .target(name: "RandomTestSupport", path: "Tests/RandomTestSupport", swiftSettings: strict),
        .target(
            name: "LinkTestSupport", dependencies: ["Addressing", "Identity", "Issuance", "OpenSSLBinding"],
            path: "Tests/LinkTestSupport", swiftSettings: strict),
        .testTarget(
            name: "KeyAgreementTests",
            dependencies: [
                "Addressing", "Identity", "KernelTestSupport", "KeyAgreement", "LinkTestSupport", "OpenSSLBinding",
                "RandomTestSupport", crypto,
            ],
            exclude: ["Vectors"],
            swiftSettings: strict),
        testTarget(
            "NodeLink",
            ["Addressing", "Identity", "KeyAgreement", "LinkTestSupport", "OpenSSLBinding", "SecureTransport"] + nio),
        testTarget(
            "WorkloadAPI",
            [
                "Addressing", "AuthorityAPI", "Identity", "Issuance", "JOSE", "KernelTestSupport", "LinkTestSupport",
                "LinuxBinding", "OpenSSLBinding", "RateLimiting", "SecureTransport", "WorkloadProtocol",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ] + grpc + grpcTransport + nio),
        testTarget(
            "ContainerRuntime",
            [
                "AuthorityAPI", "CRIAPI", "KernelTestSupport",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ] + grpc + grpcTransport),
        testTarget("LinuxBinding", ["Addressing", "KernelTestSupport"]),
        testTarget("SystemdBinding", ["KernelTestSupport"]),
        testTarget("PKCS11Binding", ["CPKCS11", "KernelTestSupport", "OpenSSLBinding"]),
        testTarget("TPMBinding", ["KernelTestSupport", "OpenSSLBinding", "TPMTestSupport", "TrustedPlatform"]),
        testTarget("TrustedPlatform", ["OpenSSLBinding"]),
        .target(
            name: "TPMTestSupport", dependencies: ["KernelTestSupport"], path: "Tests/TPMTestSupport",
            swiftSettings: strict),
        testTarget("HTTPSClient"),
        testTarget("Federation", ["Identity", "Issuance", "JOSE", "KernelTestSupport", "OpenSSLBinding"]),
        testTarget(
            "BundleEndpoint",
            ["Addressing", "Identity", "Issuance", "JOSE", "KernelTestSupport", "OpenSSLBinding"]),
        testTarget("KubernetesReview", ["HTTPSClient", "JOSE", "KernelTestSupport", "OpenSSLBinding"]),
        testTarget("Vault", ["HTTPSClient", "Identity", "Issuance", "JOSE", "KernelTestSupport", "OpenSSLBinding"]),
        testTarget("Etcd", ["EtcdTestSupport", "KernelTestSupport"]),
        testTarget(
            "SharedRegistry",
            [
                "Addressing", "Authority", "AuthorityAPI", "EtcdTestSupport", "Identity", "Issuance", "JOSE",
                "KernelTestSupport", "OpenSSLBinding", "SPIREAPI", .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        testTarget("Telemetry", ["KernelTestSupport", "SystemdBinding"]),
        testTarget(
            "Configuration", ["Addressing", "Authority", "Federation", "Identity", "JOSE", "KernelTestSupport"]),
        testTarget("Preflight", ["Addressing", "Configuration", "KernelTestSupport", "LinuxBinding", "Telemetry"]),
        testTarget(
            "PSIDCommands",
            [
                "AdminAPI", "Configuration", "Identity", "Issuance", "KernelTestSupport", "LinkTestSupport",
                "LinuxBinding", "OpenSSLBinding", "WorkloadProtocol", "psid",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ] + grpc + grpcTransport + nio),
        testTarget("NetnsProtocol", ["Addressing", "KernelTestSupport", "LinuxBinding", "podshield-netns"]),
        .testTarget(
            name: "BPFBindingTests", dependencies: ["BPFBinding", "KernelTestSupport"], exclude: ["Fixtures"],
            swiftSettings: strict),
        testTarget(
            "Datapath",
            ["Addressing", "BPFBinding", "CPodshieldABI", "Identity", "KernelTestSupport", "LinuxBinding"]),
        testTarget(
            "PodshieldDaemon",
            [
                "Addressing", "AdminAPI", "AuthorityAPI", "Configuration", "Datapath", "Identity", "JOSE",
                "KernelTestSupport", "KeyAgreement", "LinuxBinding", "NetnsProtocol", "OpenSSLBinding", "PodState",
                "RandomTestSupport", "RateLimiting", "Telemetry",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ] + grpc + grpcTransport),
        .executableTarget(
            name: "podshield-hostile-member",
            dependencies: [
                "Addressing", "AuthorityAPI", "Identity", "KeyAgreement", "LinuxBinding", "NodeIdentity", "NodeLink",
                "OpenSSLBinding", "SecureTransport",
            ] + nio,
            path: "Tests/Scenarios/08-floods/Member", swiftSettings: strict),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "Addressing", "AdminAPI", "Authority", "AuthorityAPI", "CRIAPI", "Configuration", "ContainerRuntime",
                "Federation", "HTTPSClient", "Identity", "Issuance", "JOSE", "KeyAgreement", "KubernetesReview",
                "LinkTestSupport", "LinuxBinding", "NetnsProtocol", "OpenSSLBinding", "PSIDCommands", "PodshieldDaemon",
                "PrintableText", "SPIREAPI", "SPIREUpstream", "SQLiteBinding",
                "SecureTransport", "Telemetry", "TrustedPlatform", "Vault", "WorkloadAPI", "WorkloadProtocol",
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"), crypto,
            ] + nio,
            path: "Tests/Fuzz/Targets", swiftSettings: strict),
        .testTarget(
            name: "FuzzTests", dependencies: ["FuzzTargets", "KernelTestSupport"], path: "Tests/Fuzz/Replay",
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)

// Links only under libFuzzer: `make fuzz-smoke`.
if Context.environment["PODSHIELD_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "podshield-fuzz", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/Program",
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]))
}
