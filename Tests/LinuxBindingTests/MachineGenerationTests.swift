import Foundation
import Testing

@testable import LinuxBinding

@Suite struct MachineGenerationTests {
    private static let path = "change@/devices/LNXSYSTM:00/LNXSYBUS:00/VMGENCTR:00"

    @Test(arguments: [
        ([path, "ACTION=change", "SUBSYSTEM=acpi", "NEW_VMGENID=1", "SEQNUM=1234"], true),
        ([path, "ACTION=change", "SUBSYSTEM=acpi", "SEQNUM=1234"], false),
        // Made by who writes to the device's uevent file.
        ([path, "ACTION=change", "SYNTH_UUID=0", "SYNTH_ARG_NEWVMGENID=1"], false),
        ([path, "ACTION=change", "OLD_NEW_VMGENID=1"], false), ([path, "NEW_VMGENID=10"], false),
        (["add@/devices/x", "NEW_VMGENID=1"], false), (["NEW_VMGENID=1"], false), ([], false),
    ])
    func aNewGenerationIsToldFromOtherNews(_ parts: [String], _ isOne: Bool) {
        let message: [UInt8] = parts.flatMap { part -> [UInt8] in Array(part.utf8) + [0] }
        #expect(MachineGeneration.tellsOfOne(message) == isOne)
        // Cut off, it says something else or the same, and never takes us down.
        for count in message.indices { _ = MachineGeneration.tellsOfOne(Array(message[..<count])) }
    }

    /// The kernel does send to a socket like that; news of another device among them is none.
    @Test func newsOfTheKernelArrive() async throws {
        let socket = try MachineGeneration.socket()
        let changes = try MachineGeneration.changes()
        try Data("change".utf8).write(to: URL(filePath: "/sys/class/net/lo/uevent"))
        var message: [UInt8] = []
        while !String(decoding: message, as: UTF8.self).contains("INTERFACE=lo") {
            message = try socket.receive("NETLINK_KOBJECT_UEVENT")
        }
        #expect(message.starts(with: Array("change@".utf8)) && !MachineGeneration.tellsOfOne(message))
        let first = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await _ in changes { return true }
                return false
            }
            group.addTask {
                try? await Task.sleep(for: .milliseconds(200))
                return false
            }
            defer { group.cancelAll() }
            return await group.next()!
        }
        #expect(!first)
    }
}
