package import AdminAPI
package import Authority
import AuthorityAPI
import Identity
import PrintableText

extension NewEntry {
    /// Says which part is wrong.
    package init(_ message: Podshield_Admin_V1_Entry) throws(AdminError) {
        let parent = message.parentID.isEmpty ? nil : try SPIFFEID(asked: message.parentID)
        var selectors: [Selector] = []
        for text in message.selectors {
            guard let selector = Selector(text) else {
                throw AdminError(.invalid, "\(text.quoted) is no selector", subject: text)
            }
            selectors.append(selector)
        }
        var foreign: [TrustDomain] = []
        for text in message.federatesWith { foreign.append(try TrustDomain(asked: text)) }
        self.init(
            spiffeID: try SPIFFEID(asked: message.spiffeID), parent: parent, selectors: selectors,
            labels: message.labels, dnsNames: message.dnsNames,
            lifetime: message.svidTtl.lifetime, jwtLifetime: message.jwtSvidTtl.lifetime, hint: message.hint,
            federatesWith: Set(foreign),
            isDownstream: message.downstream)
    }
}

extension SPIFFEID {
    init(asked text: String) throws(AdminError) {
        do throws(SPIFFEIDError) { try self.init(text) } catch {
            throw AdminError(.invalid, "\(error)", subject: text)
        }
    }
}

extension TrustDomain {
    /// With or without the scheme.
    init(asked text: String) throws(AdminError) {
        let name = text.hasPrefix("spiffe://") ? String(text.dropFirst("spiffe://".count)) : text
        do throws(SPIFFEIDError) { try self.init(name) } catch {
            throw AdminError(.invalid, "\(error)", subject: text)
        }
    }
}

extension Podshield_Admin_V1_Entry {
    package init(_ entry: RegistrationEntry) {
        self.init()
        id = entry.id
        spiffeID = "\(entry.spiffeID)"
        parentID = entry.parent.map { "\($0)" } ?? ""
        selectors = entry.selectors.map(\.description)
        labels = entry.labels.values
        svidTtl = entry.lifetime?.components.seconds ?? 0
        jwtSvidTtl = entry.jwtLifetime?.components.seconds ?? 0
        dnsNames = entry.dnsNames
        hint = entry.hint
        federatesWith = entry.federatesWith.map(\.name)
        downstream = entry.isDownstream
        createdAt = entry.createdAt
    }
}
