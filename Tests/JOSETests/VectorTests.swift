import OpenSSLBinding
import Testing

@testable import JOSE

/// The examples of the RFCs: public keys and tokens, as far as JWT-SVIDs may look like them.
struct VectorTests {
    struct Example: Sendable, CustomTestStringConvertible {
        let section: String
        let algorithm: JWSAlgorithm
        let key: String
        let token: String
        var testDescription: String { section }
    }

    /// RFC 7515 appendices A.2 to A.4.
    static let examples = [
        Example(
            section: "RFC 7515 A.2", algorithm: .rs256, key: "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"\(rsaModulus)\"}",
            token: "eyJhbGciOiJSUzI1NiJ9.\(payload).\(rsaSignature)"),
        Example(
            section: "RFC 7515 A.3", algorithm: .es256,
            key: """
                {"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",\
                "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}
                """,
            token: "eyJhbGciOiJFUzI1NiJ9.\(payload)."
                + "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"),
        Example(
            section: "RFC 7515 A.4", algorithm: .es512,
            key: """
                {"kty":"EC","crv":"P-521",\
                "x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",\
                "y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}
                """,
            token: "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA."
                + "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwF"
                + "KdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"),
    ]

    private static let payload =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    private static let rsaModulus =
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Ql"
        + "L-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUs"
        + "LA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoud"
        + "F8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
    private static let rsaSignature =
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujG"
        + "bds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
        + "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6"
        + "LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"

    @Test(arguments: examples)
    func examplesHold(_ example: Example) throws {
        let key = try #require(JSONWebKey.signatureKey(JSONObject(Array(example.key.utf8))))
        let jws = try CompactJWS(example.token)
        #expect(jws.algorithm == example.algorithm && jws.keyID == nil && jws.isSigned(by: key))
        let parts = example.token.split(separator: ".")
        #expect(try !CompactJWS("\(parts[0]).AAAA.\(parts[2])").isSigned(by: key))
        // A signature of another length.
        #expect(try !CompactJWS("\(parts[0]).\(parts[1]).AAAA\(parts[2])").isSigned(by: key))
    }

    @Test(arguments: examples)
    func keysAreWrittenAsTheyWereRead(_ example: Example) throws {
        let object = try JSONObject(Array(example.key.utf8))
        let key = try #require(JSONWebKey.signatureKey(object))
        let written = try #require(JSONWebKey.members(of: key))
        for (name, value) in object.members { #expect(written[name]?.text == value.text) }
        #expect(written.members.count == object.members.count)
    }

    /// RFC 7515 A.1 and A.5, and EdDSA: algorithms that a JWT-SVID does not have.
    @Test(arguments: [
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\(payload).dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        "eyJhbGciOiJub25lIn0.\(payload).", "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.AAAA",
    ])
    func otherAlgorithmsAreRefused(_ token: String) {
        let error = #expect(throws: JWTRejection.self) { try CompactJWS(token) }
        if case .forbiddenAlgorithm = error {} else { Issue.record("\(String(describing: error))") }
    }

    /// RFC 7638 section 3.1.
    @Test func thumbprint() throws {
        let modulus =
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWK"
            + "RXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMic"
            + "AtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3"
            + "XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
        let members = JSONObject(["kty": "RSA", "n": .string(modulus), "e": "AQAB", "alg": "RS256"])
        let key = try #require(JSONWebKey.signatureKey(members))
        #expect(JSONWebKey.thumbprint(of: key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
    }
}
