internal import Synchronization

/// A TPM that is opened once, for tries that follow one another: its keys take it seconds to make.
public final class KeptTPM: TPMSource {
    private let source: any TPMSource
    private let opened = Mutex<(any AttestingTPM)?>(nil)

    public init(_ source: any TPMSource) { self.source = source }

    public func open() throws(TPMError) -> any AttestingTPM {
        try opened.withLock { (opened) throws(TPMError) in
            if let opened { return opened }
            let tpm = try source.open()
            opened = tpm
            return tpm
        }
    }
}
