import AdminAPI
import ArgumentParser
import Configuration
import Glibc
import PodshieldDaemon

@main
struct IdentityDaemon: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "podshield-idd", abstract: "Identities, keys and datapath of this node.",
        version: PodshieldVersion.text,
        subcommands: [Serve.self, BootDatapath.self, UninstallDatapath.self], defaultSubcommand: Serve.self)

    struct ConfigurationFile: ParsableArguments {
        @Option(name: .customLong("config"), help: "The configuration file.")
        var path = PodshieldConfiguration.defaultPath
    }

    struct Serve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Run until told to stop (the default).")

        @OptionGroup var file: ConfigurationFile

        func run() async throws {
            do throws(StartError) { try await Daemon.run(path: file.path) } catch { try fail(error) }
        }
    }

    struct BootDatapath: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "datapath-boot",
            abstract: "Shut this machine's devices before anything starts that could make a pod, and end.")

        @OptionGroup var file: ConfigurationFile

        func run() async throws {
            do throws(StartError) { try await Daemon.bootDatapath(path: file.path) } catch { try fail(error) }
        }
    }

    struct UninstallDatapath: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "datapath-uninstall",
            abstract: "Take everything out of the kernel that a daemon which does not run any more has left there.")

        @OptionGroup var file: ConfigurationFile

        func run() throws {
            do throws(StartError) { try Daemon.uninstallDatapath(path: file.path) } catch { try fail(error) }
        }
    }
}

/// Says why and ends with the status of the error.
private func fail(_ error: StartError) throws -> Never {
    error.report { line in
        let text = Array("\(line)\n".utf8)
        _ = unsafe write(STDERR_FILENO, text, text.count)
    }
    throw ExitCode(error.exitStatus)
}
