internal import Identity
internal import Issuance
internal import JOSE
internal import OpenSSLBinding
internal import RateLimiting
internal import SPIREAPI

/// Whom the trust domain trusts, told to authorities below this one; and the keys that they sign JWT-SVIDs with, taken from them. Free of
/// how they ask.
struct DownstreamTrust: Sendable {
    let core: AuthorityCore
    private let settings: DownstreamSettings
    private let readers: DownstreamCallers
    private let publishers: DownstreamCallers

    init(_ core: AuthorityCore, _ settings: DownstreamSettings) {
        self.core = core
        self.settings = settings
        // Servers of SPIRE ask every five seconds, and once more with each CA.
        readers = DownstreamCallers(core, Rate(burst: 32, perSecond: 1))
        publishers = DownstreamCallers(core, Rate(burst: 8, perSecond: 0.05))
    }

    /// Seconds after which whoever has read it should read it again.
    static let refreshHint: Int64 = 60

    struct Told: Sendable {
        let bundle: TrustBundle
        let keys: [PublishedKey]
        /// Grows with either.
        let sequence: UInt64
    }

    func read(by caller: Caller) async throws(CallRefusal) -> Told {
        _ = try await readers.entry(of: caller)
        let (keys, keySequence) = try await publishedKeys()
        let bundle: TrustBundle
        do { bundle = try await core.publisher.current().bundle } catch {
            throw .internalFailure("\(error)")
        }
        return Told(bundle: bundle, keys: keys, sequence: bundle.sequence &+ keySequence)
    }

    /// Has JWT-SVIDs of this key trusted in the whole trust domain until the key ends, or its holder may have no CA any more. Answers all
    /// keys, once nodes are told.
    func publish(_ offered: Spire_Api_Types_JWTKey, by caller: Caller) async throws(CallRefusal) -> [PublishedKey] {
        let (entry, svid) = try await publishers.entry(of: caller)
        guard settings.takesKeys else { throw .keysNotTaken }
        let now = core.now()
        let key = try DownstreamKey(offered, lifetime: settings.lifetime, now: now)
        if try await core.registry.publish(key, of: entry, askedBy: svid, now: now) {
            await core.publisher.changed()
            _ = try? await core.publisher.current()
            core.observe(
                .downstreamKeyPublished(
                    DownstreamKeyRecord(
                        id: caller.id, entry: entry.id, keyID: key.authority.keyID, notAfter: key.notAfter)))
        }
        return try await publishedKeys().keys
    }

    private func publishedKeys() async throws(CallRefusal) -> (keys: [PublishedKey], sequence: UInt64) {
        do throws(RegistryError) { return try await core.registry.publishedKeys() } catch { throw .registry(error) }
    }
}
