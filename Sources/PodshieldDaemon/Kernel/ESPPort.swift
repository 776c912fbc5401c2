import Addressing
import NIOCore
import NIOPosix
import SecureTransport

/// Holds the UDP port of sealed packets, so that no other program gets it. The kernel programs take what is sealed before
/// it comes here; what does come is read and thrown away.
struct ESPPort: Sendable {
    private let channel: any Channel

    init(address: IPAddress, port: UInt16) async throws(StartError) {
        do {
            channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .bind(host: address.description, port: Int(port)).get()
        } catch {
            throw .cannotBind(
                "the port of sealed packets, \(address) UDP port \(port)", reason: SocketFailure.reason(error))
        }
    }

    func close() async { try? await channel.close() }
}
