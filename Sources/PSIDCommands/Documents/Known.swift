/// In messages, empty and 0 say "not known"; in documents such values are left out.
extension String {
    var known: String? { isEmpty ? nil : self }
}

extension FixedWidthInteger {
    var known: Self? { self == 0 ? nil : self }
}
