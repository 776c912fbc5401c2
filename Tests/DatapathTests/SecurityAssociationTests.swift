import BPFBinding
import CPodshieldABI
import Datapath
import Identity
import Testing

@Suite struct SecurityAssociationTests {
    let bench: Bench

    init() throws { bench = try Bench() }

    // MARK: Inbound

    @Test func inboundIsPublishedOnlyWhenInstalled() async throws {
        let datapath = try await bench.start()
        let spi = try await datapath.reserveInbound(peer: Sample.peer, identity: Sample.web)
        let slot = spi & 15
        #expect(spi >= 256)
        #expect(try bench.map("ps_in_live").value(at: slot, as: ps_in_live.self)?.spi == 0)
        #expect(try bench.bytes("ps_sa_in", slot).isZero)
        try await datapath.installInbound(Sample.parameters(spi), key: Sample.key(0x5a))
        let live = try #require(try bench.map("ps_in_live").value(at: slot, as: ps_in_live.self))
        #expect(live.spi == spi && live.last_spi == spi && live.deadline_ns == Sample.deadline)
        let record = try #require(try bench.map("ps_sa_in").value(at: slot, as: ps_sa_in.self))
        #expect(record.spi == spi && record.peer == 7 && record.identity == 300 && record.suite == 1)
        #expect(try bench.bytes("ps_sa_in", slot).contains(run: Sample.keyBytes(0x5a)))
        #expect(try await !datapath.hasReceived(spi: spi))
    }

    @Test func onlyWhatWasReservedIsInstalled() async throws {
        let datapath = try await bench.start()
        let spi = try await datapath.reserveInbound(peer: Sample.peer, identity: Sample.web)
        for wrong in [
            Sample.parameters(spi, identity: Sample.db), Sample.parameters(spi, peer: NodeNumber(rawValue: 8)),
            Sample.parameters(spi &+ 16), Sample.parameters(spi ^ 1),
        ] {
            let error = await #expect(throws: DatapathError.self) {
                try await datapath.installInbound(wrong, key: Sample.key(1))
            }
            #expect(error?.kind == "unknownSA")
        }
        var suite = Sample.parameters(spi)
        suite.suite = 2
        let refused = suite
        let error = await #expect(throws: DatapathError.self) {
            try await datapath.installInbound(refused, key: Sample.key(1))
        }
        #expect(error?.kind == "unsupportedSuite")
        try await datapath.installInbound(Sample.parameters(spi), key: Sample.key(1))
        await #expect(throws: DatapathError.self) {
            try await datapath.installInbound(Sample.parameters(spi), key: Sample.key(2))
        }
    }

    @Test func usageIsThatOfWhatSealsNow() async throws {
        let datapath = try await bench.start()
        try await datapath.installOutbound(Sample.parameters(1000), key: Sample.key(1))
        #expect(try await datapath.outboundUsage().isEmpty)
        try await datapath.activateOutbound(spi: 1000, peer: Sample.peer, identity: Sample.web)
        let reference = try bench.map("ps_out_index").value(
            at: ps_out_key(peer: Sample.peer.rawValue, identity: Sample.web.rawValue), as: ps_out_ref.self)
        let slot = try #require(reference).slot
        try bench.map("ps_sa_usage_out").update(slot, to: ps_sa_usage(packets: 3, bytes: 4, last_ns: 5))
        let usages = try await datapath.outboundUsage()
        #expect(usages.map(\.parameters.spi) == [1000] && usages.first?.packets == 3 && usages.first?.bytes == 4)
    }

    @Test func retiredKeysAreOverwritten() async throws {
        let datapath = try await bench.start()
        let spi = try await datapath.accept(0x77)
        let slot = spi & 15
        try bench.map("ps_sa_usage_in").update(slot, to: ps_sa_usage(packets: 3, bytes: 4, last_ns: 5))
        #expect(try await datapath.hasReceived(spi: spi))
        try await datapath.retireInbound(spi: spi)
        #expect(try bench.map("ps_in_live").value(at: slot, as: ps_in_live.self)?.spi == 0)
        try await datapath.settle()
        #expect(try bench.bytes("ps_sa_in", slot).isZero)
        #expect(try bench.bytes("ps_sa_usage_in", slot).isZero)
        #expect(try bench.bytes("ps_in_window", slot).isZero)
        await #expect(throws: Never.self) { try await datapath.retireInbound(spi: spi) }
        await #expect(throws: DatapathError.self) { try await datapath.hasReceived(spi: spi) }
    }

    @Test func allThatSealsCanBeGivenUpAtOnce() async throws {
        let datapath = try await bench.start()
        for (spi, identity) in [(UInt32(1000), Sample.web), (1001, Sample.db)] {
            try await datapath.installOutbound(Sample.parameters(spi, identity: identity), key: Sample.key(1))
            try await datapath.activateOutbound(spi: spi, peer: Sample.peer, identity: identity)
        }
        // One that waits for its turn must not come to it.
        try await datapath.installOutbound(Sample.parameters(1002), key: Sample.key(2))
        let inbound = try await datapath.accept(3)
        try await datapath.retireOutbound()
        #expect(try bench.map("ps_out_index").keys(as: ps_out_key.self).isEmpty)
        try await datapath.settle()
        for slot in UInt32(0)..<16 { #expect(try bench.bytes("ps_sa_out", slot).isZero) }
        #expect(await datapath.adopted().map(\.parameters.spi) == [inbound])
        await #expect(throws: DatapathError.self) {
            try await datapath.activateOutbound(spi: 1002, peer: Sample.peer, identity: Sample.web)
        }
    }

    @Test func generationsNeverRepeat() async throws {
        let datapath = try await bench.start()
        var seen: Set<UInt32> = []
        for round in 0..<40 {
            let spi = try await datapath.reserveInbound(peer: Sample.peer, identity: Sample.web)
            #expect(spi >= 256 && seen.insert(spi).inserted)
            // A reservation that is given back has used its number up as well.
            if round % 2 == 0 { try await datapath.installInbound(Sample.parameters(spi), key: Sample.key(1)) }
            try await datapath.retireInbound(spi: spi)
            try await datapath.settle()
        }
        let next = try await bench.start().reserveInbound(peer: Sample.peer, identity: Sample.web)
        #expect(!seen.contains(next))
    }

    @Test func slotsAreShuffled() async throws {
        let wide = try Bench(slots: 4096)
        let datapath = try await wide.start()
        var slots: [UInt32] = []
        for _ in 0..<8 {
            slots.append(try await datapath.reserveInbound(peer: Sample.peer, identity: Sample.web) & 4095)
        }
        // By chance once in 40320 runs, and then only ascending by accident.
        #expect(slots != slots.sorted())
        #expect(slots.max()! > 64)
    }

    @Test func aFullTableRefuses() async throws {
        let datapath = try await bench.start()
        for _ in 0..<16 { _ = try await datapath.accept(1) }
        let inbound = await #expect(throws: DatapathError.self) { try await datapath.accept(1) }
        #expect(inbound?.kind == "tableFull")
        for number in UInt32(1)...16 {
            try await datapath.installOutbound(Sample.parameters(number + 255), key: Sample.key(1))
        }
        let outbound = await #expect(throws: DatapathError.self) {
            try await datapath.installOutbound(Sample.parameters(999), key: Sample.key(1))
        }
        #expect(outbound?.kind == "tableFull")
    }

    @Test func aSlotThatHasUsedUpItsNumbersIsLeftAlone() async throws {
        do { _ = try await bench.start() }
        for slot in UInt32(0)..<16 where slot != 5 {
            let last = 0x0fff_ffff << 4 | slot
            try bench.map("ps_in_live").update(slot, to: ps_in_live(spi: 0, last_spi: last, deadline_ns: 0))
        }
        let datapath = try await bench.start()
        #expect(try await datapath.accept(1) & 15 == 5)
        let error = await #expect(throws: DatapathError.self) { try await datapath.accept(1) }
        #expect(error?.kind == "tableFull")
    }

    // MARK: Outbound

    private func reference(_ identity: UInt32 = 300) throws -> ps_out_ref? {
        try bench.map("ps_out_index").value(at: ps_out_key(peer: 7, identity: identity))
    }

    @Test func outboundIsUsedOnlyWhenActivated() async throws {
        let datapath = try await bench.start()
        try await datapath.installOutbound(Sample.parameters(5000), key: Sample.key(0x11))
        #expect(try reference() == nil)
        try await datapath.activateOutbound(spi: 5000, peer: Sample.peer, identity: Sample.web)
        let first = try #require(try reference())
        #expect(first.spi == 5000 && first.deadline_ns == Sample.deadline && first.seq_limit == 0xffff_ffff)
        #expect(try bench.bytes("ps_sa_out", first.slot).contains(run: Sample.keyBytes(0x11)))
        #expect(try bench.map("ps_sa_out").value(at: first.slot, as: ps_sa_out.self)?.seq == 0)
    }

    @Test func switchingRetiresTheOlder() async throws {
        let datapath = try await bench.start()
        try await datapath.installOutbound(Sample.parameters(5000), key: Sample.key(0x11))
        try await datapath.activateOutbound(spi: 5000, peer: Sample.peer, identity: Sample.web)
        let first = try #require(try reference())
        try await datapath.installOutbound(Sample.parameters(5001), key: Sample.key(0x22))
        #expect(try reference()?.spi == 5000)
        try await datapath.activateOutbound(spi: 5001, peer: Sample.peer, identity: Sample.web)
        let second = try #require(try reference())
        #expect(second.spi == 5001 && second.slot != first.slot)
        try await datapath.settle()
        #expect(try bench.bytes("ps_sa_out", first.slot).isZero)
        #expect(try bench.bytes("ps_sa_out", second.slot).contains(run: Sample.keyBytes(0x22)))
        try await datapath.retireOutbound(peer: Sample.peer, identity: Sample.web)
        #expect(try reference() == nil)
        try await datapath.settle()
        #expect(try bench.bytes("ps_sa_out", second.slot).isZero)
    }

    @Test func whatNeverCameIntoUseGoesWithTheNext() async throws {
        let datapath = try await bench.start()
        try await datapath.installOutbound(Sample.parameters(5000), key: Sample.key(1))
        try await datapath.installOutbound(Sample.parameters(5001), key: Sample.key(2))
        try await datapath.installOutbound(Sample.parameters(5002), key: Sample.key(3))
        try await datapath.activateOutbound(spi: 5001, peer: Sample.peer, identity: Sample.web)
        try await datapath.settle()
        #expect(try await datapath.snapshot().securityAssociations.map(\.spi) == [5001])
        await #expect(throws: DatapathError.self) {
            try await datapath.activateOutbound(spi: 5000, peer: Sample.peer, identity: Sample.web)
        }
        // The later one may still come into use.
        try await datapath.activateOutbound(spi: 5002, peer: Sample.peer, identity: Sample.web)
        try await datapath.settle()
        let used = try #require(try reference()).slot
        for slot in UInt32(0)..<16 { #expect(try bench.bytes("ps_sa_out", slot).isZero == (slot != used)) }
    }

    @Test func flowsAreApart() async throws {
        let datapath = try await bench.start()
        try await datapath.installOutbound(Sample.parameters(5000), key: Sample.key(1))
        try await datapath.installOutbound(Sample.parameters(5000, identity: Sample.db), key: Sample.key(2))
        let wrong = await #expect(throws: DatapathError.self) {
            try await datapath.activateOutbound(spi: 5001, peer: Sample.peer, identity: Sample.web)
        }
        #expect(wrong?.kind == "unknownSA")
        try await datapath.activateOutbound(spi: 5000, peer: Sample.peer, identity: Sample.web)
        try await datapath.activateOutbound(spi: 5000, peer: Sample.peer, identity: Sample.db)
        try await datapath.retireOutbound(peer: Sample.peer, identity: Sample.web)
        #expect(try reference() == nil && reference(301)?.spi == 5000)
    }

    @Test(arguments: [UInt32(0), 1, 255])
    func reservedSPIsAreRefused(_ spi: UInt32) async throws {
        let datapath = try await bench.start()
        let error = await #expect(throws: DatapathError.self) {
            try await datapath.installOutbound(Sample.parameters(spi), key: Sample.key(1))
        }
        #expect(error?.kind == "reservedSPI")
    }

    @Test func deadlinesMoveWithoutTouchingTheSlot() async throws {
        let datapath = try await bench.start()
        let spi = try await datapath.accept(1)
        try await datapath.extend(spi: spi, .inbound, deadline: 99)
        #expect(try bench.map("ps_in_live").value(at: spi & 15, as: ps_in_live.self)?.deadline_ns == 99)
        try await datapath.installOutbound(Sample.parameters(5000), key: Sample.key(1))
        try await datapath.activateOutbound(spi: 5000, peer: Sample.peer, identity: Sample.web)
        let slot = try #require(try reference()).slot
        // As if packets had gone out.
        var sent = try #require(try bench.map("ps_sa_out").value(at: slot, as: ps_sa_out.self))
        sent.seq = 41
        try bench.map("ps_sa_out").update(slot, to: sent)
        try await datapath.extend(spi: 5000, .outbound, deadline: 98)
        #expect(try reference()?.deadline_ns == 98)
        #expect(try bench.map("ps_sa_out").value(at: slot, as: ps_sa_out.self)?.seq == 41)
        #expect(try await datapath.snapshot().securityAssociations.first { $0.spi == 5000 }?.sequence == 41)
    }

    @Test func equalSPIsOfTwoPeersMustBeTold() async throws {
        let datapath = try await bench.start()
        let other = NodeNumber(rawValue: 8)
        try await datapath.installOutbound(Sample.parameters(5000), key: Sample.key(1))
        try await datapath.installOutbound(Sample.parameters(5000, peer: other), key: Sample.key(2))
        try await datapath.activateOutbound(spi: 5000, peer: Sample.peer, identity: Sample.web)
        let error = await #expect(throws: DatapathError.self) {
            try await datapath.extend(spi: 5000, .outbound, deadline: 1)
        }
        #expect(error?.kind == "ambiguousSPI")
        try await datapath.extend(spi: 5000, .outbound, peer: Sample.peer, deadline: 97)
        #expect(try reference()?.deadline_ns == 97)
    }

    // MARK: Restart

    @Test func aRestartFindsWhatIsPublishedAndWipesTheRest() async throws {
        let spi: UInt32
        let abandoned: UInt32
        do {
            let datapath = try await bench.start()
            spi = try await datapath.accept(0x33)
            abandoned = try await datapath.reserveInbound(peer: Sample.peer, identity: Sample.db)
            try await datapath.installOutbound(Sample.parameters(5000), key: Sample.key(0x44))
            try await datapath.activateOutbound(spi: 5000, peer: Sample.peer, identity: Sample.web)
            try await datapath.installOutbound(Sample.parameters(5001, identity: Sample.db), key: Sample.key(0x55))
        }
        // As left by a crash between the two steps.
        var record = ps_sa_in()
        record.spi = abandoned
        try bench.map("ps_sa_in").update(abandoned & 15, to: record)
        try bench.map("ps_sa_usage_in").update(spi & 15, to: ps_sa_usage(packets: 1, bytes: 100, last_ns: 4711))

        let datapath = try await bench.start()
        let adopted = await datapath.adopted()
        #expect(
            Set(adopted) == [
                AdoptedSA(direction: .inbound, parameters: Sample.parameters(spi), lastUsed: 4711),
                AdoptedSA(direction: .outbound, parameters: Sample.parameters(5000), lastUsed: 0),
            ])
        #expect(try bench.bytes("ps_sa_in", spi & 15).contains(run: Sample.keyBytes(0x33)))
        #expect(try bench.bytes("ps_sa_in", abandoned & 15).isZero)
        let used = try #require(try reference()).slot
        for slot in UInt32(0)..<16 { #expect(try bench.bytes("ps_sa_out", slot).isZero == (slot != used)) }
        try await datapath.retireInbound(spi: spi)
        try await datapath.settle()
        #expect(try bench.bytes("ps_sa_in", spi & 15).isZero)
    }

    @Test func contradictionsAreNotAdopted() async throws {
        let spi: UInt32
        do {
            let datapath = try await bench.start()
            spi = try await datapath.accept(1)
            try await datapath.installOutbound(Sample.parameters(5000), key: Sample.key(1))
            try await datapath.activateOutbound(spi: 5000, peer: Sample.peer, identity: Sample.web)
        }
        var live = try #require(try bench.map("ps_in_live").value(at: spi & 15, as: ps_in_live.self))
        live.spi += 16
        try bench.map("ps_in_live").update(spi & 15, to: live)
        var reference = try #require(try reference())
        reference.spi += 1
        try bench.map("ps_out_index").update(ps_out_key(peer: 7, identity: 300), to: reference)
        let datapath = try await bench.start()
        #expect(await datapath.adopted().isEmpty)
        #expect(try self.reference() == nil)
        #expect(try bench.bytes("ps_sa_in", spi & 15).isZero)
        #expect(try bench.bytes("ps_sa_out", reference.slot).isZero)
    }
}
