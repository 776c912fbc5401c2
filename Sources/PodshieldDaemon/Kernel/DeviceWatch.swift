import LinuxBinding

/// Tells who is concerned when devices come and go.
struct DeviceWatch: Sendable {
    let uplinks: UplinkWatch
    let pods: PodRegistry
    let names: NameTable
    /// Listens since before the devices were listed, so that none comes unseen in between.
    let events: AsyncStream<LinkEvent>

    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await follow() }
            group.addTask { await tryAgain() }
            await group.next()
            group.cancelAll()
        }
    }

    private func follow() async {
        await listAnew()
        for await event in events {
            switch event {
            case .changed(let link): await appeared(link)
            case .removed(let index, let name):
                names.update(device: index, name: nil)
                await uplinks.disappeared(index, name: name)
                await pods.deviceDisappeared(index)
            case .missed: await listAnew()
            }
        }
    }

    /// A device that could not be hooked is open until it is, and nothing need happen to it meanwhile.
    private func tryAgain() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.retryPause)
            guard await !uplinks.failures.isEmpty, let links = try? RouteSocket().links() else { continue }
            for link in links { await uplinks.appeared(link) }
        }
    }

    private static let retryPause = Duration.seconds(1)

    private func listAnew() async {
        guard let links = try? RouteSocket().links() else { return }
        await uplinks.removeLost(present: links)
        for link in links { await appeared(link) }
        await pods.removeLost(present: links)
    }

    private func appeared(_ link: NetworkLink) async {
        names.update(device: link.index, name: link.name)
        await uplinks.appeared(link)
    }
}
