import AuthorityAPI
import Identity
import Testing

@testable import Authority

@Suite struct HintTests {
    /// W-14: hints have up to 1024 bytes; of bytes, not of letters.
    @Test(
        arguments: [
            (String(repeating: "h", count: 1024), true), (String(repeating: "h", count: 1025), false),
            (String(repeating: "é", count: 513), false), ("", true),
        ] as [(String, Bool)])
    func w14HintsHaveALimit(_ hint: String, _ isTaken: Bool) throws {
        let entry = NewEntry(spiffeID: try id("/w"), selectors: [.namespace("shop")], hint: hint)
        guard isTaken else {
            #expect(throws: EntryError.self) { try entry.checked(in: trustDomain, id: "x", now: start) }
            return
        }
        #expect(try entry.checked(in: trustDomain, id: "x", now: start).hint == hint)
    }
}
