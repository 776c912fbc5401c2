/// Times of certificates and lists (RFC 5280 section 4.1.2.5): UTCTime through 2049, GeneralizedTime from then on, always to
/// the second and in GMT.
package enum DERTime {
    /// `unixTime` in seconds since 1970, up to the end of the year 9999.
    package static func encode(_ unixTime: Int64) -> [UInt8] {
        let seconds = min(max(unixTime, earliest), latest)
        let days = seconds.floorDivided(by: 86400)
        let (year, month, day) = civil(days)
        let second = seconds - days * 86400
        let rest =
            [month, day, second / 3600, second / 60 % 60, second % 60].flatMap { digits($0, 2) } + [UInt8(ascii: "Z")]
        return (1950..<2050).contains(year)
            ? DER.element(.utcTime, digits(year % 100, 2) + rest)
            : DER.element(.generalizedTime, digits(year, 4) + rest)
    }

    /// Seconds since 1970 of the next element, which must be a time in its one right form.
    package static func read(_ reader: inout DERReader) throws(DERError) -> Int64 {
        let (tag, content) = try reader.readAny()
        let yearDigits = tag == DERTag.utcTime.rawValue ? 2 : 4
        guard tag == DERTag.utcTime.rawValue || tag == DERTag.generalizedTime.rawValue,
            content.count == yearDigits + 11, content.last == UInt8(ascii: "Z"),
            content.dropLast().allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { throw .badValue }
        var fields = [number(content.prefix(yearDigits))]
        for start in stride(from: yearDigits, to: content.count - 1, by: 2) {
            fields.append(number(content[start..<start + 2]))
        }
        if yearDigits == 2 { fields[0] += fields[0] < 50 ? 2000 : 1900 }
        guard (1...12).contains(fields[1]), (1...31).contains(fields[2]), fields[3] < 24, fields[4] < 60, fields[5] < 60
        else { throw .badValue }
        let time = days(fields[0], fields[1], fields[2]) * 86400 + fields[3] * 3600 + fields[4] * 60 + fields[5]
        // The 31st of a short month, and the other form.
        guard encode(time) == DER.element(yearDigits == 2 ? .utcTime : .generalizedTime, content) else {
            throw .badValue
        }
        return time
    }

    /// The first moment of the year 0 and the last of the year 9999.
    private static let earliest: Int64 = -62_167_219_200
    private static let latest: Int64 = 253_402_300_799

    private static func digits(_ value: Int64, _ count: Int) -> [UInt8] {
        var value = value
        var digits: [UInt8] = []
        for _ in 0..<count {
            digits.append(UInt8(ascii: "0") + UInt8(value % 10))
            value /= 10
        }
        return digits.reversed()
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64 {
        digits.reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
    }

    // The calendar in years that begin in March, so that the leap day is the last of its year; an era has 400 of them.

    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted.floorDivided(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let fromMarch = (5 * dayOfYear + 2) / 153
        let month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * fromMarch + 2) / 5 + 1)
    }

    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = year.floorDivided(by: 400)
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

extension Int64 {
    fileprivate func floorDivided(by divisor: Int64) -> Int64 {
        (self - (self % divisor + divisor) % divisor) / divisor
    }
}
