extension String {
    /// The text as it may stand in a message: printable, in quotation marks, and no longer than a line bears.
    public var quoted: String {
        // Counted in scalars: of combining marks one character may have any number.
        let shown = String(String.UnicodeScalarView(unicodeScalars.prefix(Self.longestQuotation)))
        let isCut = unicodeScalars.count > Self.longestQuotation
        return "'\(shown.printable)\(isCut ? "…" : "")'"
    }

    private static var longestQuotation: Int { 80 }
}
