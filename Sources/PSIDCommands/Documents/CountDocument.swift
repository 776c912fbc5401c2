/// `psid entry|node|bundle count -o json`.
struct CountDocument: Encodable {
    let count: Int
}

extension Session {
    func print(count: Int) throws {
        if isJSON { try console.print(json: CountDocument(count: count)) } else { console.print("\(count)") }
    }
}
