import BPFBinding
import Glibc
import LinuxBinding

/// Which program sits at which device's hook; kept as pins, so that it survives us and can be undone without us.
///
/// tcx: the link is pinned. clsact: the kernel keeps filters by itself; the pinned program says which filter is ours,
/// another pin that the qdisc is.
struct Attachments {
    enum Kind: String, CaseIterable {
        case tcx
        case clsact
    }

    struct Place: Hashable {
        let hook: DatapathHook
        let interface: UInt32

        var direction: TrafficDirection {
            switch hook {
            case .fromPod, .fromUplink: .ingress
            case .toPod, .toUplink: .egress
            }
        }

        func pin(_ kind: Kind) -> String { "\(hook.name)-\(interface)-\(kind.rawValue)" }

        /// First among the filters of equal priority; the number is "PS".
        var filter: ClsactFilter {
            ClsactFilter(interface: interface, direction: direction, handle: 0x5053, priority: 1)
        }
    }

    private let paths: PinPaths
    private var mode: AttachmentMode

    init(_ paths: PinPaths, _ mode: AttachmentMode) {
        self.paths = paths
        self.mode = mode
    }

    // MARK: Attach

    /// Puts the program there, in place of an earlier one of ours without a packet passing in between, and never twice.
    mutating func attach(_ program: BPFProgram, at place: Place) throws(DatapathError) {
        let kind = try attachPreferred(program, at: place)
        for other in Kind.allCases where other != kind { try detach(place, other) }
    }

    private mutating func attachPreferred(_ program: BPFProgram, at place: Place) throws(DatapathError) -> Kind {
        if mode != .clsact {
            do {
                try attachTCX(program, at: place)
                return .tcx
            } catch  where mode == .auto && error.code == EINVAL {
                // This kernel knows no tcx.
                mode = .clsact
            } catch {
                throw .kernel(error)
            }
        }
        try kernel { () throws(BPFError) in try attachClsact(program, at: place) }
        return .clsact
    }

    private func attachTCX(_ program: BPFProgram, at place: Place) throws(BPFError) {
        let path = paths.link(place.pin(.tcx))
        if BPFFileSystem.hasPin(path) {
            let link = try TCXLink(pinnedAt: path)
            if try link.info().interface == place.interface {
                return try link.replaceProgram(with: program)
            }
            // Of a device that is gone and whose index was given again.
            try BPFFileSystem.unpin(path)
        }
        try TCXLink(attaching: program, to: place.interface, place.direction).pin(at: path)
    }

    private func attachClsact(_ program: BPFProgram, at place: Place) throws(BPFError) {
        if try ClsactFilter.addQueueingDiscipline(to: place.interface) {
            try repin(program, at: paths.link(Self.qdiscPin(place.interface)))
        }
        // Pinned before and named after: whenever we end, the program in the filter is one of the two that are pinned.
        let pin = paths.link(place.pin(.clsact))
        try repin(program, at: pin + Self.next)
        try place.filter.attach(program)
        try BPFFileSystem.rename(pin + Self.next, to: pin)
    }

    private static let next = "-next"

    private func repin(_ program: BPFProgram, at path: String) throws(BPFError) {
        try BPFFileSystem.unpin(path)
        try program.pin(at: path)
    }

    private static func qdiscPin(_ interface: UInt32) -> String { "qdisc-\(interface)" }

    // MARK: Detach

    /// Takes our programs off this hook, whichever way they were attached; that there is none is no error.
    func detach(_ place: Place) throws(DatapathError) {
        for kind in Kind.allCases { try detach(place, kind) }
    }

    private func detach(_ place: Place, _ kind: Kind) throws(DatapathError) {
        let path = paths.link(place.pin(kind))
        switch kind {
        case .tcx:
            guard BPFFileSystem.hasPin(path) else { return }
            try kernel { () throws(BPFError) in try detachTCX(path) }
        case .clsact:
            guard BPFFileSystem.hasPin(path) || BPFFileSystem.hasPin(path + Self.next) else { return }
            try detachClsact(place, path)
        }
    }

    private func detachTCX(_ path: String) throws(BPFError) {
        do { try TCXLink(pinnedAt: path).detach() } catch  where error.code == ENOLINK {
            // The device went first.
        }
        try BPFFileSystem.unpin(path)
    }

    private func detachClsact(_ place: Place, _ path: String) throws(DatapathError) {
        try kernel { () throws(BPFError) in
            if try holdsFilter(place) { try place.filter.detach() }
            try BPFFileSystem.unpin(path)
            try BPFFileSystem.unpin(path + Self.next)
        }
        try removeQdisc(place.interface)
    }

    /// Whether the filter at our place among the device's is ours.
    private func holdsFilter(_ place: Place) throws(BPFError) -> Bool {
        guard let attached = try place.filter.attachedProgram() else { return false }
        for pin in [paths.link(place.pin(.clsact)), paths.link(place.pin(.clsact) + Self.next)]
        where BPFFileSystem.hasPin(pin) {
            if try BPFProgram(pinnedAt: pin).id == attached { return true }
        }
        return false
    }

    /// The qdisc goes with the last filter if it was we who made it.
    private func removeQdisc(_ interface: UInt32) throws(DatapathError) {
        let path = paths.link(Self.qdiscPin(interface))
        guard BPFFileSystem.hasPin(path), try !hasFilters(interface) else { return }
        try kernel { () throws(BPFError) in
            try ClsactFilter.removeQueueingDiscipline(from: interface)
            try BPFFileSystem.unpin(path)
        }
    }

    private func hasFilters(_ interface: UInt32) throws(DatapathError) -> Bool {
        do { return try RouteSocket().hasClsactFilters(interface) } catch  where [ENODEV, EINVAL].contains(error.code) {
            return false
        } catch {
            throw .system(error)
        }
    }

    // MARK: List

    struct Attachment: Hashable {
        let place: Place
        let kind: Kind
    }

    /// What the pins say.
    func all() throws(DatapathError) -> [Attachment] {
        let names = try kernel { () throws(BPFError) in try BPFFileSystem.names(in: paths.links) }
        let attachments = Set(names.compactMap(Self.parse))
        return attachments.sorted { $0.place.pin($0.kind) < $1.place.pin($1.kind) }
    }

    /// Whether the device is still the one that was attached to: its index may have been given again.
    func isLive(_ attachment: Attachment) throws(DatapathError) -> Bool {
        try kernel { () throws(BPFError) in
            switch attachment.kind {
            case .tcx:
                let link = try TCXLink(pinnedAt: paths.link(attachment.place.pin(.tcx)))
                return try link.info().interface == attachment.place.interface
            case .clsact: return try holdsFilter(attachment.place)
            }
        }
    }

    /// `from_pod-12-tcx`, `from_pod-12-clsact-next`.
    private static func parse(_ name: String) -> Attachment? {
        let parts = name.split(separator: "-").map(String.init)
        guard parts.count == 3 || parts.count == 4,
            let hook = DatapathHook.allCases.first(where: { $0.name == parts[0] }),
            let interface = UInt32(parts[1]), let kind = Kind(rawValue: parts[2])
        else { return nil }
        return Attachment(place: Place(hook: hook, interface: interface), kind: kind)
    }
}
