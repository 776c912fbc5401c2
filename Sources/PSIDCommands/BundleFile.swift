import AdminAPI
import ArgumentParser
import Foundation

/// How a bundle is written: SPIFFE's document, or the X.509 roots alone.
enum BundleFormat: String, ExpressibleByArgument, CaseIterable {
    case spiffe
    case pem

    var message: Podshield_Admin_V1_BundleText.Format { self == .pem ? .pem : .spiffe }
}

extension Podshield_Admin_V1_BundleText {
    private static let mostBytes = 1 << 20

    /// - Parameter path: `-` for standard input.
    init(reading path: String, _ format: BundleFormat) throws(CommandFailure) {
        self.init(try InputFile(path, mostBytes: Self.mostBytes).contents, format)
    }

    init(_ text: Data, _ format: BundleFormat) {
        self.init()
        self.text = text
        self.format = format.message
    }
}
