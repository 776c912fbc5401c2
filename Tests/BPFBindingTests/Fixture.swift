import BPFBinding
import KernelTestSupport

/// Compiled for the test, gone with it.
struct Fixture {
    let directory: TemporaryDirectory
    var path: String { directory.path + "/binding.o" }

    init(_ definitions: String...) throws {
        directory = try TemporaryDirectory()
        let source = "\(#filePath)".split(separator: "/").dropLast().joined(separator: "/")
        try Command.run(
            ["clang-19", "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-I/usr/include/x86_64-linux-gnu"]
                + definitions.map { "-D\($0)" } + ["-c", "/\(source)/Fixtures/binding.bpf.c", "-o", path])
    }

    func loaded() throws -> BPFObject {
        let object = try BPFObject(path: path)
        try object.load()
        return object
    }
}
