import ArgumentParser

/// A lifetime on the command line: whole seconds, or with units, such as `1h30m`; `d`, `h`, `m` and `s` are known.
struct Lifetime: ExpressibleByArgument {
    let seconds: UInt32

    init(seconds: UInt32) { self.seconds = seconds }

    init?(argument: String) {
        guard let seconds = UInt32(argument) ?? Self.sum(of: argument) else { return nil }
        self.seconds = seconds
    }

    private static func sum(of text: String) -> UInt32? {
        var sum: UInt32 = 0
        var rest = text[...]
        repeat {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest.removeFirst(digits.count)
            guard let number = UInt32(digits), let unit = rest.popFirst().flatMap(unit) else { return nil }
            let (product, isTooLong) = number.multipliedReportingOverflow(by: unit)
            let (next, areTooLong) = sum.addingReportingOverflow(product)
            guard !isTooLong, !areTooLong else { return nil }
            sum = next
        } while !rest.isEmpty
        return sum
    }

    private static func unit(_ letter: Character) -> UInt32? { ["d": 86400, "h": 3600, "m": 60, "s": 1][letter] }

    var defaultValueDescription: String { "\(seconds)" }
}
