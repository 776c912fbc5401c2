import ArgumentParser
import Configuration

/// What every command takes, before or after its own name.
struct GlobalOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The daemon's configuration, which says where its admin socket is.", valueName: "file"))
    var config = PodshieldConfiguration.defaultPath

    @Option(help: ArgumentHelp("Its admin socket, if the configuration is not to be asked.", valueName: "path"))
    var socket: String?

    @Option(
        name: [.customShort("o"), .long], help: "How data is written.")
    var output = OutputFormat.table
}

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table
    case json

    /// Also by SPIRE's word.
    init?(argument: String) { self.init(rawValue: argument == "pretty" ? "table" : argument) }
}
