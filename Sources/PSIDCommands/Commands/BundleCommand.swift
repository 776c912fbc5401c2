import AdminAPI
import ArgumentParser
import Foundation
import PrintableText

struct BundleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bundle", abstract: "Whom to trust: the own bundle, and those of other trust domains.",
        subcommands: [
            BundleShowCommand.self, BundleListCommand.self, BundleCountCommand.self, BundleSetCommand.self,
            BundleDeleteCommand.self,
        ])
}

struct BundleShowCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Print a bundle; without a trust domain the own one.")

    @OptionGroup var options: GlobalOptions

    @Option(help: ArgumentHelp("Whose.", valueName: "name"))
    var trustDomain = ""

    @Option(help: "spiffe (the document, for others to take) or pem (the X.509 roots alone).")
    var format = BundleFormat.spiffe

    func run(in session: Session) async throws {
        guard let bundle = try await session.bundles(of: trustDomain).first else {
            throw CommandFailure(.notFound, "there is no bundle of \(trustDomain)".printable)
        }
        switch format {
        case .spiffe: session.console.print(bundle.document)
        case .pem: session.console.print(bundle.roots.map { PEM.encode($0, "CERTIFICATE") }.joined())
        }
    }
}

struct BundleListCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Whose bundles are held, the own one first.")

    @OptionGroup var options: GlobalOptions

    @Option(help: ArgumentHelp("Only this one's.", valueName: "name"))
    var trustDomain = ""

    func run(in session: Session) async throws {
        let document = BundlesDocument(bundles: try await session.bundles(of: trustDomain).map(BundleRecord.init))
        if session.isJSON { return try session.console.print(json: document) }
        var table = Table("TRUST DOMAIN", "ROOTS", "STORED")
        for bundle in document.bundles {
            table.add(bundle.trustDomain, "\(bundle.roots)", bundle.storedAt?.description ?? "own")
        }
        session.console.print(table.lines)
    }
}

struct BundleCountCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "count", abstract: "How many bundles are held, with the own one.")

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws { try session.print(count: try await session.bundles(of: "").count) }
}

extension Session {
    /// - Parameter trustDomain: empty for all.
    fileprivate func bundles(of trustDomain: String) async throws -> [Podshield_Admin_V1_TrustDomainBundle] {
        var request = Podshield_Admin_V1_BundleListRequest()
        request.trustDomain = trustDomain
        let message = request
        return try await withAdmin { try await $0.client.bundleList(message, options: Admin.options).bundles }
    }
}

struct BundleSetCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Hold a bundle of another trust domain that you vouch for.")

    @OptionGroup var options: GlobalOptions
    @OptionGroup var choice: TrustDomainChoice

    @Option(help: ArgumentHelp("Where it is; - for standard input.", valueName: "file"))
    var path = "-"

    @Option(help: "How it is written: spiffe (the default) or pem.")
    var format = BundleFormat.spiffe

    func run(in session: Session) async throws {
        var request = Podshield_Admin_V1_BundleSetRequest()
        request.trustDomain = choice.trustDomain
        request.bundle = try Podshield_Admin_V1_BundleText(reading: path, format)
        let message = request
        let record = try await session.withAdmin {
            BundleRecord(try await $0.client.bundleSet(message, options: Admin.options).bundle)
        }
        if session.isJSON { return try session.console.print(json: record) }
        session.console.print("a bundle of \(record.trustDomain) with \(record.roots) roots is held".printable)
    }
}

struct BundleDeleteCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Forget a bundle of another trust domain; workloads that had it trust it no more.")

    @OptionGroup var options: GlobalOptions
    @OptionGroup var choice: TrustDomainChoice

    func run(in session: Session) async throws {
        var request = Podshield_Admin_V1_BundleDeleteRequest()
        request.trustDomain = choice.trustDomain
        let message = request
        let record = try await session.withAdmin {
            BundleRecord(try await $0.client.bundleDelete(message, options: Admin.options).bundle)
        }
        if session.isJSON { return try session.console.print(json: record) }
        session.console.print("the bundle of \(record.trustDomain) is held no more".printable)
    }
}
