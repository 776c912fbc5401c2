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
        subcommands: [
            Serve.self, BootDatapath.self, UninstallDatapath.self, BackUpAuthority.self, RestoreAuthority.self,
        ], defaultSubcommand: Serve.self)

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

    struct BackUpAuthority: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "authority-backup", abstract: "Write the authority's state to one file, also while it runs.")

        @OptionGroup var file: ConfigurationFile

        @Option(help: "The file, - for standard output.")
        var output: String

        @Flag(help: "Leave the keys out.")
        var withoutKeys = false

        func run() throws {
            do throws(BackupFailure) {
                try Daemon.backUpAuthority(path: file.path, to: output, withKeys: !withoutKeys)
            } catch {
                try fail("\(error)", exitStatus: error.exitStatus)
            }
        }
    }

    struct RestoreAuthority: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "authority-restore", abstract: "Put a backup in the place of the authority's state.")

        @OptionGroup var file: ConfigurationFile

        @Argument(help: "The file, - for standard input.")
        var source: String

        @Flag(help: "Put aside what is there.")
        var force = false

        func run() throws {
            do throws(BackupFailure) {
                for line in try Daemon.restoreAuthority(path: file.path, from: source, replacing: force) { print(line) }
            } catch {
                try fail("\(error)", exitStatus: error.exitStatus)
            }
        }
    }
}

/// Says why and ends with the status of the error.
private func fail(_ error: StartError) throws -> Never {
    error.report { complain($0) }
    throw ExitCode(error.exitStatus)
}

private func fail(_ line: String, exitStatus: Int32) throws -> Never {
    complain(line)
    throw ExitCode(exitStatus)
}

private func complain(_ line: String) {
    let text = Array("\(line)\n".utf8)
    _ = unsafe write(STDERR_FILENO, text, text.count)
}
