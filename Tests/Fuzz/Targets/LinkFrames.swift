import KeyAgreement

/// A stream gives the same messages and the same end in whatever pieces it comes, and each message has one encoding.
func fuzzLinkFrames(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let stream = input.dropFirst()
    let whole = decode([stream])
    precondition(whole == decode([stream.prefix(Int(first)), stream.dropFirst(Int(first))]))
    for message in whole.messages {
        var decoder = FrameDecoder()
        decoder.append(message.frame)
        precondition(try! decoder.next() == message)
    }
    checkEncoding(stream)
}

private struct Decoded: Equatable {
    var messages: [LinkMessage] = []
    var failure: WireError?
}

private func decode(_ pieces: [ArraySlice<UInt8>]) -> Decoded {
    var decoder = FrameDecoder()
    var decoded = Decoded()
    do throws(WireError) {
        for piece in pieces {
            decoder.append(piece)
            while let message = try decoder.next() { decoded.messages.append(message) }
        }
    } catch {
        decoded.failure = error
    }
    return decoded
}

private func checkEncoding(_ content: ArraySlice<UInt8>) {
    guard let message = try? LinkMessage(content: content) else { return }
    precondition(message.frame.dropFirst(4).elementsEqual(content))
}
