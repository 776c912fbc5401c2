import Glibc
import PSIDCommands

let status = await Program.run(
    Array(CommandLine.arguments.dropFirst()), console: .standard, becomeDaemon: DaemonProgram.become)
exit(status.rawValue)
