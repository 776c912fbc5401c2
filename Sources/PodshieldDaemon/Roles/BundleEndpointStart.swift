import Authority
import BundleEndpoint
import Configuration
import Telemetry

extension AuthorityService {
    /// Publishes whom to trust, where the configuration says so. Returns once others can connect.
    func publish(
        _ settings: PodshieldConfiguration.BundleEndpoint, _ daemon: DaemonContext
    ) async throws(StartError) {
        let place = "the bundle endpoint \(settings.address) port \(settings.port)"
        let running: BundleEndpoint.Running
        do {
            running = try await endpoint(settings, daemon).start()
        } catch let error as StartError {
            throw error
        } catch {
            throw .cannotBind(place, reason: "\(error)")
        }
        daemon.components.start("the bundle endpoint") {
            try await withTaskCancellationHandler {
                try await running.wait()
            } onCancel: {
                running.stop()
            }
        }
        daemon.telemetry.record(
            .bundleEndpointListening(
                address: "\(settings.address) port \(running.port)", profile: settings.profileName))
    }

    private func endpoint(
        _ settings: PodshieldConfiguration.BundleEndpoint, _ daemon: DaemonContext
    ) throws(StartError) -> BundleEndpoint {
        let editions = EndpointEditions(refreshHint: settings.refreshHint, issuer: self.settings.jwtIssuer)
        do throws(EndpointCertificateError) {
            return try BundleEndpoint(
                address: settings.address, port: settings.port, certificate: certificate(settings.profile),
                documents: {
                    do {
                        let (bundle, jwtBundle) = try await self.publishedTrust()
                        return await editions.documents(of: bundle, jwtBundle)
                    } catch {
                        daemon.reports.record(.bundleNotServed(reason: "\(error)"))
                        return nil
                    }
                },
                now: WallClock.seconds,
                failed: { daemon.telemetry.record(.bundleCertificateRefused(reason: "\($0)")) },
                flooded: {
                    daemon.reports.record(
                        .connectionRefused(
                            address: $0, reason: "too many connections to the bundle endpoint; more are closed unheard")
                    )
                })
        } catch {
            let key: ConfigurationKey =
                switch (settings.profile, error.file) {
                case (.spiffe, _): .bundleEndpointProfile
                case (.web, .key): .bundleEndpointKeyFile
                case (.web, .certificate), (.web, nil): .bundleEndpointCertificateFile
                }
            throw .badSetting(key: key, reason: "\(error)")
        }
    }

    private func certificate(_ profile: PodshieldConfiguration.EndpointProfile) -> EndpointCertificate {
        switch profile {
        case .spiffe: .svid { self.serverSVID }
        case .web(let certificate, let key): .files(certificate: certificate, key: key)
        }
    }
}
