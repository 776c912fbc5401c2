import Foundation
import OpenSSLBinding
import Testing

@Suite struct ExitTests {
    /// A daemon that is told to end does not wait for all that is under way.
    @Test func theLibraryIsThereToTheEnd() async {
        await #expect(processExitsWith: .success) {
            for _ in 0..<4 {
                Thread.detachNewThread { while true { _ = SHA256Digest.hash([1, 2, 3]) } }
            }
            try await Task.sleep(for: .milliseconds(50))
            exit(EXIT_SUCCESS)
        }
    }
}
