import Foundation
import KernelTestSupport
import OpenSSLBinding
import Testing

@testable import PKCS11Binding

@Suite(.serialized, .blocking) struct PKCS11KeyTests {
    private let message = Array("to be signed".utf8)

    @Test func makesAKeyOnceAndSignsWithIt() throws {
        let token = try SoftToken("makes")
        let key = try token.store(create: true).open(expecting: nil)
        #expect(key.publicKey.kind == .ecP256 && !key.isInMemory)
        let signature = try key.sign(message, by: .ecdsa(.sha256))
        #expect(key.publicKey.verify(signature, of: message, by: .ecdsa(.sha256)))
        #expect(!key.publicKey.verify(signature, of: message + [0], by: .ecdsa(.sha256)))
        try key.keepReady()
    }

    @Test func findsTheKeyThatItMade() throws {
        let token = try SoftToken("finds")
        let made = try token.store(create: true).open(expecting: nil).publicKey
        #expect(try token.store(create: true).open(expecting: nil).publicKey == made)
        #expect(try token.store().open(expecting: made).publicKey == made)
    }

    /// Another program agrees that what was made cannot leave.
    @Test func whatItMakesCannotLeave() throws {
        let token = try SoftToken("stays")
        _ = try token.store(create: true).open(expecting: nil)
        let listed = try token.tool("--list-objects", "--type", "privkey")
        #expect(listed.contains("sensitive") && listed.contains("never extractable"))
    }

    @Test(arguments: [("EC:secp384r1", SignatureScheme.ecdsa(.sha384)), ("rsa:2048", .rsaPKCS1(.sha256))])
    func usesKeysThatOthersMade(_ kind: String, _ scheme: SignatureScheme) throws {
        let token = try SoftToken("others-\(kind.prefix(2))")
        try token.tool("--keypairgen", "--key-type", kind, "--label", "ca", "--id", "07", "--sensitive", "--usage-sign")
        let key = try token.store(id: [7]).open(expecting: nil)
        let signature = try key.sign(message, by: scheme)
        #expect(key.publicKey.verify(signature, of: message, by: scheme))
    }

    @Test func refusesWhenThereIsNone() throws {
        let token = try SoftToken("empty")
        #expect(throws: SigningError.unavailable("there is no key 'ca'")) { _ = try token.store().open(expecting: nil) }
        let other = try PrivateKey.generate().publicKey
        // A CA that was made once needs its own key, and no new one.
        #expect(throws: SigningError.unavailable("there is no key 'ca'")) {
            _ = try token.store(create: true).open(expecting: other)
        }
    }

    @Test func tellsSeveralKeysOfOneLabelApartByID() throws {
        let token = try SoftToken("several")
        for id in ["01", "02"] {
            try token.tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "ca", "--id", id, "--sensitive")
        }
        #expect(throws: SigningError.refused("there are 2 of key 'ca'; give its key-id")) {
            _ = try token.store().open(expecting: nil)
        }
        let second = try token.store(id: [2]).open(expecting: nil).publicKey
        #expect(try token.store(label: nil, id: [2]).open(expecting: second).publicKey == second)
        #expect(throws: SigningError.refused("key 'ca' with id 01 is not the key of the CA's certificate")) {
            _ = try token.store(id: [1]).open(expecting: second)
        }
    }

    @Test func refusesAKeyThatMayLeave() throws {
        let token = try SoftToken("leaky")
        try token.tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "ca", "--id", "01", "--extractable")
        #expect(throws: SigningError.refused("key 'ca' may leave the token: it is not sensitive, or is extractable")) {
            _ = try token.store().open(expecting: nil)
        }
    }

    @Test func namesWhatIsMissing() throws {
        _ = try SoftToken("present")
        var store = try SoftToken("twice").store()
        store.token = "absent"
        #expect(failure(store).hasSuffix("there is no token 'absent'"))
        _ = try SoftToken("twice")
        store.token = "twice"
        #expect(failure(store).hasSuffix("several tokens are called 'twice'"))
        store.module = "/nowhere/module.so"
        #expect(failure(store).contains("/nowhere/module.so"))
        store.module = "/usr/lib/x86_64-linux-gnu/libz.so.1"
        #expect(failure(store).contains("no PKCS #11 module"))
    }

    private func failure(_ store: PKCS11KeyStore) -> String {
        do throws(SigningError) { _ = try store.open(expecting: nil) } catch { return "\(error)" }
        return "it opened"
    }

    @Test func aWrongPINIsShownOnce() throws {
        let token = try SoftToken("pin")
        let pin = CountedPIN("wrong-pin")
        var store = token.store(create: true)
        store.pin = { pin.read() }
        #expect(failure(store).hasPrefix("the signing key is refused: "))
        #expect(pin.count == 1)
        #expect(failure(store).contains("the PIN is wrong"))
    }

    /// It was changed under a running authority: one try, and no more.
    @Test func aPINThatBecameWrongIsShownOnce() throws {
        let token = try SoftToken("repin")
        let pin = CountedPIN(SoftToken.rightPIN)
        var store = token.store(create: true)
        store.pin = { pin.read() }
        let key = try store.open(expecting: nil)
        try token.loseSessions()
        pin.change(to: "not-it-any-more")
        for _ in 0..<5 { #expect(throws: SigningError.self) { try key.sign(message, by: .ecdsa(.sha256)) } }
        #expect(pin.count == 1)
    }

    @Test func goesOnAfterALostSession() throws {
        let token = try SoftToken("sessions")
        let key = try token.store(create: true).open(expecting: nil)
        try token.loseSessions()
        let signature = try key.sign(message, by: .ecdsa(.sha256))
        #expect(key.publicKey.verify(signature, of: message, by: .ecdsa(.sha256)))
        try token.loseSessions()
        try key.keepReady()
    }

    @Test func aTokenThatIsGoneIsAwayUntilItIsBack() throws {
        let token = try SoftToken("comes-and-goes")
        let key = try token.store(create: true).open(expecting: nil)
        try token.whileGone {
            let away = SigningError.unavailable("there is no token 'comes-and-goes'")
            #expect(throws: away) { try key.sign(message, by: .ecdsa(.sha256)) }
            #expect(throws: away) { try key.keepReady() }
        }
        let signature = try key.sign(message, by: .ecdsa(.sha256))
        #expect(key.publicKey.verify(signature, of: message, by: .ecdsa(.sha256)))
    }
}
