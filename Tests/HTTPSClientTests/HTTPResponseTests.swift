import Testing

@testable import HTTPSClient

@Suite struct HTTPResponseTests {
    private static let head = "HTTP/1.1 200 OK\r\n"

    private func read(_ text: String, isAll: Bool = false) throws -> HTTPResponse? {
        try HTTPResponse.read(Array(text.utf8), isAll: isAll)
    }

    @Test(arguments: [
        ("Content-Length: 2\r\n\r\nhi", "hi"), ("content-length:2\r\nX: y\r\n\r\nhi", "hi"),
        ("Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nA\r\n0123456789\r\n0\r\n\r\n", "hi0123456789"),
        ("Content-Length: 0\r\n\r\n", ""),
    ])
    func readsWhatIsWhole(_ rest: String, _ body: String) throws {
        let text = Self.head + rest
        let response = try #require(try read(text))
        #expect(response == HTTPResponse(status: 200, body: Array(body.utf8), staysOpen: true))
        let bytes = Array(text.utf8)
        for count in bytes.indices { #expect(try HTTPResponse.read(Array(bytes.prefix(count)), isAll: false) == nil) }
    }

    @Test func anEndOfTheStreamEndsABodyOfNoLength() throws {
        #expect(try read(Self.head + "\r\nhi") == nil)
        #expect(try read(Self.head + "\r\nhi", isAll: true)?.body == Array("hi".utf8))
        #expect(try read(Self.head + "Connection: close\r\nContent-Length: 0\r\n\r\n")?.staysOpen == false)
        #expect(try read("HTTP/1.1 204 No Content\r\n\r\n")?.status == 204)
    }

    @Test(arguments: [
        "HTTP/1.0 200 OK\r\n\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 +20 OK\r\n\r\n",
        "\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n", head + "nonsense\r\n\r\n", head + "Content-Length: -1\r\n\r\n",
        head + "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", head + "Content-Length: 99999999\r\n\r\n",
        head + "Transfer-Encoding: gzip\r\n\r\n", head + "Content-Length: 2\r\n\r\nhim",
        head + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        head + "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", head + "Content-Length: +1\r\n\r\na",
        head + "Content-Length: -0\r\n\r\n", head + "Content-Length: \r\n\r\n",
        head + "Transfer-Encoding: chunked\r\n\r\n-0\r\n\r\n", head + "Transfer-Encoding: chunked\r\n\r\n\r\n\r\n",
        head + "Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n",
        head + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi!!0\r\n\r\n",
        head + "Transfer-Encoding: chunked\r\n\r\n123456789\r\n", head + "Transfer-Encoding: chunked\r\n\r\n\r\n\r\n",
    ])
    func refusesWhatMakesNoSense(_ text: String) {
        #expect(throws: HTTPSError.self) { try read(text) }
    }

    @Test(arguments: [
        "HTTP/1.1 200", head + "Content-Length: 3\r\n\r\nhi", head + "Transfer-Encoding: chunked\r\n\r\n2\r\nh",
    ])
    func refusesWhatEndsEarly(_ text: String) {
        #expect(throws: HTTPSError.self) { try read(text, isAll: true) }
    }

    @Test func refusesWhatIsTooLarge() {
        let head = Array((Self.head + "X: ").utf8)
        #expect(throws: HTTPSError.self) {
            try HTTPResponse.read(head + [UInt8](repeating: 0x61, count: HTTPResponse.largest), isAll: false)
        }
    }
}
