internal import Foundation
internal import Identity
internal import Synchronization

/// How Envoys hear of what was taken back. One that has a list checks every certificate by lists, and refuses what it has none for, or
/// one that has ended: so it gets those of all authorities, or none.
final class EnvoyLists: Sendable {
    private struct Encoded {
        var lists: [[UInt8]] = []
        var pem = Data()
    }

    /// Seconds from which on a list that ends is withheld: time for each Envoy to hear of it.
    static let margin: Int64 = 600

    private let areOffered: Bool
    private let look: Duration
    private let now: @Sendable () -> Int64
    private let withheld: @Sendable (_ reason: String) -> Void
    private let newest = Mutex(Encoded())
    private let shortage = Mutex<ListShortage?>(nil)

    /// - Parameters:
    ///   - areOffered: false: an Envoy never gets one.
    ///   - look: how often it is looked whether one ends.
    ///   - now: seconds since 1970.
    ///   - withheld: is told why Envoys get none, once for each reason.
    init(
        areOffered: Bool, look: Duration, now: @escaping @Sendable () -> Int64,
        withheld: @escaping @Sendable (_ reason: String) -> Void
    ) {
        self.areOffered = areOffered
        self.look = look
        self.now = now
        self.withheld = withheld
    }

    /// The context with the lists that an Envoy gets, and no others. Nobody has any of other trust domains.
    func told(_ context: X509Context) -> X509Context {
        X509Context(
            svids: context.svids, bundle: context.bundle.keeping(usable(context.bundle)),
            foreignBundles: context.foreignBundles.map { $0.keeping([]) })
    }

    private func usable(_ bundle: TrustBundle) -> [RevocationList] {
        guard areOffered else { return [] }
        do throws(ListShortage) {
            let lists = try bundle.completeLists(at: now(), margin: Self.margin)
            note(nil)
            return lists
        } catch {
            note(error)
            return []
        }
    }

    private func note(_ new: ListShortage?) {
        let isNews = shortage.withLock { last in
            defer { last = new }
            return last != new
        }
        if isNews, let new { withheld("\(new)") }
    }

    /// Rings when the own lists are withheld, or no longer, for no other reason than the time; until the task is cancelled.
    func followTime(_ identities: any WorkloadIdentities, _ ring: @Sendable () -> Void) async throws {
        guard areOffered else { return }
        var wereUsable = !usable(identities.bundle).isEmpty
        while true {
            try await Task.sleep(for: look)
            let areUsable = !usable(identities.bundle).isEmpty
            if areUsable != wereUsable { ring() }
            wereUsable = areUsable
        }
    }

    /// As PEM, encoded once for all Envoys.
    func pem(_ lists: [RevocationList]) -> Data {
        let wanted = lists.map(\.der)
        return newest.withLock { newest in
            if newest.lists != wanted { newest = Encoded(lists: wanted, pem: Self.encode(wanted)) }
            return newest.pem
        }
    }

    private static func encode(_ lists: [[UInt8]]) -> Data {
        var pem = Data()
        for der in lists {
            pem += Data("-----BEGIN X509 CRL-----\n".utf8)
            pem += Data(der).base64EncodedData(options: [.lineLength64Characters, .endLineWithLineFeed])
            if pem.last != UInt8(ascii: "\n") { pem.append(UInt8(ascii: "\n")) }
            pem += Data("-----END X509 CRL-----\n".utf8)
        }
        return pem
    }
}
