import Foundation
import KernelTestSupport
import Testing

@testable import Authority

@Suite struct TPMNamesTests {
    private static let (a, b) = (String(repeating: "a1", count: 32), String(repeating: "b2", count: 32))
    private static let c = String(repeating: "c3", count: 32)

    @Test func namesAndKeys() throws {
        let text = "# machines\n\nnode-a \(Self.a)\r\n\tnode-b\t\(Self.b.uppercased())  # in rack 7\n#node-c \(Self.a)"
        #expect(try TPMNames(text).names == [Self.a: "node-a", Self.b: "node-b"])
        #expect(try TPMNames("").names.isEmpty)
    }

    @Test func deniedKeys() throws {
        let list = try TPMNames("node-a \(Self.a)\ndeny \(Self.b.uppercased())\ndeny \(Self.c)\n")
        #expect(list.names == [Self.a: "node-a"] && list.denied == [Self.b, Self.c] && list.taken == ["node-a"])
    }

    @Test(arguments: [
        ("node-a", TPMNamesError.Reason.notTwoWords), ("node-a \(a) \(b)", .notTwoWords),
        ("../a \(a)", .badName("../a")),
        ("n\u{f6}de \(a)", .badName("n\u{f6}de")), ("node-a \(a)0", .badKey), ("node-a \(a.dropLast())g", .badKey),
        ("node-a \(b.replacing("b2", with: "b:"))", .badKey),
    ])
    func linesThatAreNone(_ line: String, _ reason: TPMNamesError.Reason) {
        #expect(throws: TPMNamesError(line: 2, reason: reason)) { try TPMNames("\n\(line)\n") }
    }

    /// Of two lines neither is taken for the right one.
    @Test func aNameHasOneTPMAndATPMOneNameOrNone() {
        for second in ["node-a \(Self.b)", "node-b \(Self.a.uppercased())", "node-a \(Self.a)"] {
            #expect(throws: TPMNamesError(line: 2, reason: .twice)) { try TPMNames("node-a \(Self.a)\n\(second)\n") }
        }
        #expect(throws: TPMNamesError(line: 2, reason: .twice)) { try TPMNames("deny \(Self.a)\ndeny \(Self.a)\n") }
    }

    /// Whoever is in a hurry to shut a TPM out need not find its line first, and the name is not free for another by that.
    @Test(arguments: [true, false])
    func aDeniedKeyHasNoName(isDeniedFirst: Bool) throws {
        let lines = ["deny \(Self.a)", "node-a \(Self.a)"]
        let text = (isDeniedFirst ? lines : lines.reversed()).joined(separator: "\n") + "\nnode-b \(Self.b)\n"
        let list = try TPMNames(text)
        #expect(list.names == [Self.b: "node-b"] && list.denied == [Self.a] && list.taken == ["node-a", "node-b"])
    }

    /// Who can write the list can let any machine in.
    @Test func aFileThatOthersMayWriteIsNoList() throws {
        let directory = try TemporaryDirectory()
        let file = directory.path + "/tpms"
        try Data("node-a \(Self.a)\n".utf8).write(to: URL(filePath: file))
        #expect(try TPMNames(contentsOf: file) == TPMNames("node-a \(Self.a)"))
        for (text, mode, word) in [("", 0o664, "must be 644"), ("node-a", 0o644, "line 1")] {
            try Data(text.utf8).write(to: URL(filePath: file))
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
            let error = #expect(throws: TPMListFailure.self) { try TPMNames(contentsOf: file) }
            #expect(error?.reason.contains(word) == true && error?.reason.contains(file) == true)
        }
    }

    @Test func aListHasAnEnd() {
        let long = String(repeating: "#", count: TPMNames.longest + 1)
        #expect(throws: TPMNamesError(line: 1, reason: .tooLong)) { try TPMNames(long) }
    }
}
