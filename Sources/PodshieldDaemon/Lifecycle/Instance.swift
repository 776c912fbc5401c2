import Configuration
import Glibc
import LinuxBinding

/// The directories of this instance, and the right to be the only one that uses them.
struct Instance {
    private let locks: [InstanceLock]

    init(_ paths: PodshieldConfiguration.Paths) throws(StartError) {
        // Files and sockets that are not told otherwise are for their owner alone.
        umask(0o077)
        do throws(PrivateFileError) {
            for directory in [paths.state, paths.run] { try PrivateDirectory.prepare(directory) }
        } catch {
            throw .directory(error)
        }
        var locks: [InstanceLock] = []
        do throws(SystemError) {
            for path in paths.locks { locks.append(try InstanceLock(path: path)) }
        } catch  where error.code == EWOULDBLOCK {
            throw .instanceHeld(error)
        } catch {
            throw .system(error)
        }
        self.locks = locks
    }
}
