import Addressing
import Identity

/// Puts a configuration together from a document; `document` then also has what is wrong with it.
struct ConfigurationReader {
    var document: Document

    init(_ document: Document) { self.document = document }

    /// Nil when anything is wrong.
    mutating func configuration() -> PodshieldConfiguration? {
        // Of a document that is none, everything would be missing.
        guard document.problems.isEmpty || !document.nodes.isEmpty else { return nil }
        let roleName = document.value(.role, .word, default: RoleName.standalone)
        let trustDomain = document.required(.trustDomain, .trustDomain)
        let instance = document.value(.instance, .instance, default: PodshieldConfiguration.defaultInstance)
        let logLevel = document.value(.logLevel, .word, default: LogLevel.info)
        let protected = document.list(.protected, .prefix)
        let paths = paths(for: instance)
        let role = role(roleName)
        check(roleName, role, protected, paths)
        guard document.problems.isEmpty, let trustDomain, let role else { return nil }
        return PodshieldConfiguration(
            role: role, trustDomain: trustDomain, instance: instance, logLevel: logLevel, protected: protected,
            paths: paths)
    }

    private mutating func role(_ name: RoleName) -> PodshieldConfiguration.Role? {
        switch name {
        case .standalone:
            let node = node()
            let authority = authority(orAt: node?.address)
            return node.flatMap { node in authority.map { .standalone(node, $0) } }
        case .authority:
            if !document.has(.authorityListen) { document.report("is missing", at: .authorityListen) }
            return authority(orAt: nil).map { .authority($0) }
        case .node:
            let node = node()
            let join = join()
            return node.flatMap { node in join.map { .node(node, $0) } }
        }
    }

    private mutating func paths(for instance: String) -> PodshieldConfiguration.Paths {
        var paths = PodshieldConfiguration.Paths.defaults(for: instance)
        paths.state = document.value(.pathsState, .path, default: paths.state)
        paths.run = document.value(.pathsRun, .path, default: paths.run)
        paths.bpffs = document.value(.pathsBPFFS, .path, default: paths.bpffs)
        paths.bpfObject = document.value(.pathsBPFObject, .path, default: paths.bpfObject)
        return paths
    }
}

enum RoleName: String, CaseIterable {
    case standalone
    case authority
    case node
}
