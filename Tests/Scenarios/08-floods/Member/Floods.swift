import Identity
import NIOCore

/// What a member can do again and again. Each returns how often it has, in one round.
enum Flood: String, CaseIterable {
    /// Complete TLS, and nothing more.
    case connections
    /// Confirmed epochs.
    case epochs
    /// Announcements of workloads under certificates that are none.
    case announcements
    /// Announcements of a workload that it hosts, with a signature that does not hold: what costs the victim most.
    case proofs
    /// Frames that are longer than any may be.
    case oversized
    /// Questions whose answers it does not read.
    case unread
    /// Reports to the authority, which make the directory large, and a new one each time.
    case leases

    func round(with victim: Directory.Node, as member: Membership, until end: ContinuousClock.Instant) async throws
        -> Int
    {
        if self == .leases { return try await member.reportLeases(until: end) }
        let connection = try await Connection(to: victim, as: member)
        guard self != .connections else {
            await connection.close()
            return 1
        }
        do {
            try await connection.agree(with: victim, as: member)
        } catch {
            await connection.close()
            throw error
        }
        let count = await self.abuse(connection, member, until: end)
        await connection.close()
        return count
    }

    private func abuse(_ connection: Connection, _ member: Membership, until end: ContinuousClock.Instant) async -> Int
    {
        switch self {
        case .connections, .epochs, .leases: 1
        case .announcements: await send(to: connection, until: end) { Frame.announce($0, chain: [[0x30, 0x00]]) }
        case .proofs: await send(to: connection, until: end) { Frame.announce($0, chain: member.workload) }
        case .oversized: await send(to: connection, until: end) { _ in Frame.oversized }
        case .unread: await askWithoutReading(connection, until: end)
        }
    }

    /// Until the victim has had enough of it.
    private func send(
        to connection: Connection, until end: ContinuousClock.Instant, _ frame: (UInt32) -> [UInt8]
    ) async -> Int {
        var count: UInt32 = 0
        while connection.channel.isActive, ContinuousClock.now < end {
            do { try await connection.send(frame(count + 1)) } catch { break }
            count += 1
        }
        return Int(count)
    }

    /// A write that the victim does not take never ends: the time does.
    private func askWithoutReading(_ connection: Connection, until end: ContinuousClock.Instant) async -> Int {
        try? await connection.channel.setOption(.autoRead, value: false).get()
        async let count = send(to: connection, until: end) { _ in Frame.ping }
        try? await Task.sleep(until: end)
        await connection.close()
        return await count
    }
}

/// Bytes of the node link (docs/protocol.md), made without the code that reads them.
private enum Frame {
    private static func frame(_ type: UInt8, _ body: [UInt8]) -> [UInt8] { u32(UInt32(body.count + 1)) + [type] + body }

    static func announce(_ id: UInt32, chain: [[UInt8]]) -> [UInt8] {
        let address: [UInt8] = Array(repeating: 0, count: 10) + [0xff, 0xff, 10, 42, 3, UInt8(truncatingIfNeeded: id)]
        let signature: [UInt8] = Array(repeating: 0x55, count: 70)
        let nonce = Array(repeating: UInt8(truncatingIfNeeded: id), count: 32)
        return frame(
            16, u32(id) + u16(chain.count) + chain.flatMap(field) + u16(1) + address + nonce + field(signature))
    }

    static let oversized = u32(.max) + Array(repeating: 16, count: 4096)
    static let ping = frame(32, Array(repeating: 7, count: 8))

    private static func field(_ bytes: [UInt8]) -> [UInt8] { u16(bytes.count) + bytes }
    private static func u16(_ value: Int) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xff)] }
    private static func u32(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
    }
}
