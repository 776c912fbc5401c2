import HTTPSClient

/// A cut, then what a server, or whoever has its place, answers. An answer is whole at one place, however it comes.
func fuzzHTTPAnswer(_ input: [UInt8]) {
    guard let cut = input.first else { return }
    let bytes = Array(input.dropFirst())
    for isAll in [false, true] {
        guard let answer = try? HTTPResponse.read(bytes, isAll: isAll) else { continue }
        precondition((200...599).contains(answer.status) && answer.body.count < bytes.count)
        precondition(!isAll || !answer.staysOpen)
    }
    guard let whole = try? HTTPResponse.read(bytes, isAll: false) else { return }
    let part = Array(bytes.prefix(bytes.count * Int(cut) / 256))
    precondition(part == bytes || (try? HTTPResponse.read(part, isAll: false)) == .some(nil), "whole before its end")
    precondition((try? HTTPResponse.read(bytes, isAll: true))??.body == whole.body)
}
