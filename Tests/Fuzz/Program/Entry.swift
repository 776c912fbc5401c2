import FuzzTargets
import Glibc

/// The one that the environment names: libFuzzer has the arguments.
private let target: FuzzTarget = {
    guard let name = unsafe getenv("PODSHIELD_FUZZ_TARGET") else { fatalError("PODSHIELD_FUZZ_TARGET is not set") }
    guard let target = FuzzTarget(rawValue: unsafe String(cString: name)) else {
        fatalError("PODSHIELD_FUZZ_TARGET is none of \(FuzzTarget.allCases.map(\.rawValue))")
    }
    return target
}()

/// libFuzzer's entry.
@c(LLVMFuzzerTestOneInput)
public func fuzzOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    target.run(unsafe Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
}
