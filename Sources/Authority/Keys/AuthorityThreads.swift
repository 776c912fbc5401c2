internal import PatientThreads

/// What waits for one kind of others keeps nobody who waits for another.
extension PatientThreads {
    /// For keys in a token or a vault.
    static let ofKeys = PatientThreads(4)
    /// For authorities above, which take half a minute where they do not answer.
    static let ofThoseAbove = PatientThreads(2)
    /// For bundle endpoints of other trust domains, which take as long.
    static let ofEndpoints = PatientThreads(4)
    /// For what authorities share.
    static let ofTheLog = PatientThreads(2)
}
