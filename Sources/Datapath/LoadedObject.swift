import BPFBinding
import CPodshieldABI
import LinuxBinding

/// The programs in the kernel, on maps that outlive us.
struct LoadedObject {
    let maps: MapSet
    let programs: [DatapathHook: BPFProgram]

    /// Checks the object against the header, loads it on the instance's pinned maps, pins those that are new.
    init(_ settings: DatapathSettings, _ paths: PinPaths) throws(DatapathError) {
        if let obstacle = Datapath.obstacles(settings).first { throw obstacle }
        let object = try kernel { () throws(BPFError) in try BPFObject(path: settings.objectPath) }
        try Self.verify(object, settings)
        let pinned = try Self.reusePinned(object, settings, paths)
        try kernel { () throws(BPFError) in
            try BPFFileSystem.makeDirectory(paths.maps)
            try BPFFileSystem.makeDirectory(paths.links)
            try object.load()
            for map in Self.shared(object) where !pinned.contains(map.name) {
                try object.map(map.name).pin(at: paths.map(map.name))
            }
        }
        maps = try MapSet { (map) throws(DatapathError) in
            try kernel { () throws(BPFError) in try object.map(map.rawValue) }
        }
        programs = try kernel { () throws(BPFError) in
            var programs: [DatapathHook: BPFProgram] = [:]
            for hook in DatapathHook.allCases { programs[hook] = try object.program(hook.name) }
            return programs
        }
    }

    /// Not the programs' own scratch maps: their shape may change from one version to the next.
    private static func shared(_ object: BPFObject) -> [BPFObject.MapDeclaration] {
        object.maps.filter { DatapathMap(rawValue: $0.name) != nil }
    }

    /// Every map has the shape and every value the members that this program was compiled with.
    private static func verify(_ object: BPFObject, _ settings: DatapathSettings) throws(DatapathError) {
        let declared = Dictionary(uniqueKeysWithValues: object.maps.map { ($0.name, $0) })
        for map in DatapathMap.allCases {
            guard let found = declared[map.rawValue] else { throw .objectLacks("map \(map.rawValue)") }
            try kernel { () throws(BPFError) in
                try object.setMaxEntries(map.layout(settings, flags: 0).maxEntries, of: map.rawValue)
            }
            var layout = found.layout
            let expected = map.layout(settings, flags: layout.flags)
            layout.maxEntries = expected.maxEntries
            guard layout == expected else {
                throw .objectMismatch(map: map.rawValue, expected: "\(expected)", found: "\(layout)")
            }
            try verify(map, found.valueStructure)
        }
        for hook in DatapathHook.allCases where !object.programNames.contains(hook.name) {
            throw .objectLacks("program \(hook.name)")
        }
    }

    private static func verify(_ map: DatapathMap, _ found: BPFObject.Structure?) throws(DatapathError) {
        guard let expected = map.structure else { return }
        guard let found else { throw .objectLacks("type information for \(map.rawValue)") }
        guard expected.matches(found) else {
            throw .objectMismatch(
                map: map.rawValue, expected: "\(expected)", found: ABIStructure.describe(found))
        }
    }

    /// Names of the maps that an earlier run left and that are used again.
    private static func reusePinned(
        _ object: BPFObject, _ settings: DatapathSettings, _ paths: PinPaths
    ) throws(DatapathError) -> Set<String> {
        let pinned = try pinned(object, settings, paths)
        for (name, map) in pinned {
            try kernel { () throws(BPFError) in try object.reuse(map, for: name) }
        }
        return Set(pinned.keys)
    }

    /// The maps that an earlier run left, by name, of versions that this program takes over. Each must be as the object would
    /// make it; one that this version added is not there yet.
    private static func pinned(
        _ object: BPFObject, _ settings: DatapathSettings, _ paths: PinPaths
    ) throws(DatapathError) -> [String: BPFMap] {
        try checkVersions(settings, paths)
        var pinned: [String: BPFMap] = [:]
        for declaration in shared(object) where BPFFileSystem.hasPin(paths.map(declaration.name)) {
            let path = paths.map(declaration.name)
            let map = try kernel { () throws(BPFError) in try BPFMap(pinnedAt: path) }
            guard map.layout == declaration.layout else {
                throw .pinnedMapMismatch(path: path, expected: "\(declaration.layout)", found: "\(map.layout)")
            }
            pinned[declaration.name] = map
        }
        return pinned
    }

    /// Whether the object suits this program and what is pinned. Nothing is loaded.
    static func check(_ settings: DatapathSettings) throws(DatapathError) {
        let object = try kernel { () throws(BPFError) in try BPFObject(path: settings.objectPath) }
        try verify(object, settings)
        _ = try pinned(object, settings, PinPaths(bpffs: settings.bpffs, instance: settings.instance))
    }

    /// Before any layout is looked at: a map of another version may have another.
    private static func checkVersions(_ settings: DatapathSettings, _ paths: PinPaths) throws(DatapathError) {
        let path = paths.map(DatapathMap.config.rawValue)
        guard BPFFileSystem.hasPin(path) else { return }
        let map = try kernel { () throws(BPFError) in try BPFMap(pinnedAt: path) }
        guard let found = try ABIVersions(ofWhoWrote: map) else { return }
        guard settings.abi.overlap(found) else { throw .pinnedABIVersion(found: found, ours: settings.abi) }
    }
}
