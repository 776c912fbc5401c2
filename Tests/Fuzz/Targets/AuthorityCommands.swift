internal import AdminAPI
internal import Authority
internal import Federation
internal import Foundation
internal import Identity
internal import Issuance
internal import JOSE
internal import OpenSSLBinding
internal import PodshieldDaemon
internal import SwiftProtobuf

/// What psid, or whoever has its socket, may ask of an authority: to take something back, to trust another trust domain, SVIDs of
/// either kind, and a token to join with.
func fuzzAuthorityCommands(_ input: [UInt8]) {
    guard let kind = input.first else { return }
    let message = Data(input.dropFirst())
    switch kind % 6 {
    case 0: fuzzRevocation(message)
    case 1: fuzzRelationship(message)
    case 2: fuzzBundleToSet(message)
    case 3: fuzzX509Minting(message)
    case 4: fuzzJWTMinting(message)
    default: fuzzInvitation(message)
    }
}

private let trustDomain: TrustDomain = {
    do { return try TrustDomain("example.org") } catch { fatalError("\(error)") }
}()
private let now = seedTime

// MARK: Taking back

/// What is taken back is what was named; who asks hears of it in one line.
private func fuzzRevocation(_ message: Data) {
    guard let request = try? Podshield_Admin_V1_RevokeRequest(serializedBytes: message) else { return }
    let reason = accepted(naming: [request.reason]) { () throws(AdminError) in
        try RevocationReason(asked: request.reason)
    }
    precondition(reason.map { $0.rawValue == request.reason || request.reason.isEmpty } != false)
    guard
        let subject = accepted(
            naming: [request.subject.spiffeID],
            { () throws(AdminError) in try RevocationSubject(request.subject) })
    else { return }
    precondition(isOneLine(subject.description) && subject.description.count <= longestLine)
    switch request.subject.subject {
    case .spiffeID(let text): precondition(subject.kind == "spiffe-id" && subject.name == text)
    case .serial(let text): precondition(subject == .serial(text.lowercased()))
    case .entry(let text): precondition(subject == .entry(text))
    case .node(let text): precondition(subject == .node(text))
    case nil: preconditionFailure("nothing was named")
    }
}

// MARK: Other trust domains

/// A relationship is with somebody else, and says the same when it is asked for as it is listed; nothing of its URL leaves the
/// line of a request.
private func fuzzRelationship(_ message: Data) {
    guard let request = try? Podshield_Admin_V1_FederationCreateRequest(serializedBytes: message) else { return }
    let asked = request.relationship
    guard
        let relationship = accepted(
            naming: [asked.trustDomain, asked.url, asked.profile, asked.endpointSpiffeID],
            { () throws(AdminError) in try Relationship(asked, of: trustDomain) })
    else { return }
    let url = relationship.url
    precondition(relationship.trustDomain != trustDomain && url.text == asked.url)
    precondition(url.target.first == "/" && url.port > 0 && !url.host.isEmpty)
    precondition((url.target + url.host).utf8.allSatisfy { (0x21...0x7e).contains($0) }, "a line that ends early")
    let listed = Podshield_Admin_V1_FederationRelationship(relationship)
    precondition((try? Relationship(listed, of: trustDomain)) == relationship)
    if request.hasBundle { checkBundle(request.bundle, of: relationship.trustDomain) }
}

private func fuzzBundleToSet(_ message: Data) {
    guard let request = try? Podshield_Admin_V1_BundleSetRequest(serializedBytes: message) else { return }
    checkBundle(request.bundle, of: trustDomain)
}

/// What is held is what nodes read of it, within the limit; roots in PEM are held all or none.
private func checkBundle(_ text: Podshield_Admin_V1_BundleText, of trustDomain: TrustDomain) {
    guard
        let bundle = accepted(
            naming: [trustDomain.name], { () throws(AdminError) in try ForeignBundle(text, of: trustDomain) })
    else { return }
    precondition(bundle.trustDomain == trustDomain && bundle.encoded.utf8.count <= ForeignBundle.largest)
    precondition((try? ForeignBundle(parsing: Array(bundle.encoded.utf8), of: trustDomain)) == bundle)
    guard text.format == .pem else { return }
    let roots = try? Certificate.parsePEMChain(String(decoding: text.text, as: UTF8.self))
    precondition(bundle.document.bundle.authorities == roots && roots?.isEmpty == false)
}

// MARK: SVIDs

private let authority: CertificateAuthority = {
    do { return try CertificateAuthority.createRoot(for: trustDomain, now: now) } catch { fatalError("\(error)") }
}()
private let signingRequest: ProvenRequest = {
    do { return try ProvenRequest(csrDER: SigningRequest.make(key: .generate())) } catch { fatalError("\(error)") }
}()
private let tokenKey: JWTSigningKey = {
    do { return try JWTSigningKey.generate(for: trustDomain, notAfter: now + 86400) } catch { fatalError("\(error)") }
}()

/// What is issued is what was asked for, for a workload of ours, no longer than asked for, and small enough for a handshake.
private func fuzzX509Minting(_ message: Data) {
    guard let request = try? Podshield_Admin_V1_MintX509Request(serializedBytes: message),
        let wish = accepted(naming: [request.spiffeID], { () throws(AdminError) in try X509Minting(request) })
    else { return }
    let svid = issued(naming: [request.spiffeID] + request.dnsNames) { () throws(IssuanceError) in
        let plan = try IssuancePlan.workload(
            id: wish.id, binding: nil, lifetime: wish.lifetime ?? IssuancePlan.defaultLifetime,
            dnsNames: wish.dnsNames)
        return try authority.sign(signingRequest, plan: plan, now: now)
    }
    guard let svid else { return }
    checkMinted(svid.id, asked: request.spiffeID)
    precondition(svid.binding == nil && svid.leaf.der.count <= 16 << 10)
    precondition(svid.notAfter - now <= (request.ttl == 0 ? 3600 : request.ttl))
    precondition((try? SVIDVerifier(bundle: authority.bundle).verify(chain: svid.chain, at: now)) == svid)
}

/// The same of a token.
private func fuzzJWTMinting(_ message: Data) {
    guard let request = try? Podshield_Admin_V1_MintJWTRequest(serializedBytes: message),
        let wish = accepted(naming: [request.spiffeID], { () throws(AdminError) in try JWTMinting(request) })
    else { return }
    let svid = issued(naming: [request.spiffeID]) { () throws(IssuanceError) in
        let plan = try JWTSVIDPlan(
            id: wish.id, audience: wish.audience, lifetime: wish.lifetime ?? JWTSVIDPlan.defaultLifetime)
        return try tokenKey.sign(plan, now: now)
    }
    guard let svid else { return }
    checkMinted(svid.id, asked: request.spiffeID)
    precondition(svid.expiresAt - now <= (request.ttl == 0 ? 300 : request.ttl) && svid.token.utf8.count <= 16 << 10)
    precondition(svid.audience.allSatisfy { value in request.audience.contains { $0.utf8.elementsEqual(value.utf8) } })
}

private func checkMinted(_ id: SPIFFEID, asked: String) {
    precondition(id.description == asked && id.trustDomain == trustDomain && id.kind == .workload)
}

/// Nil where it may not be, which is never our own fault.
private func issued<SVID>(naming fields: [String], _ issue: () throws(IssuanceError) -> SVID) -> SVID? {
    accepted(naming: fields) { () throws(AdminError) in
        do throws(IssuanceError) { return try issue() } catch { throw AdminError(error) }
    }
}

// MARK: Nodes

/// A token is for a name that a node can have, and ends.
private func fuzzInvitation(_ message: Data) {
    guard let request = try? Podshield_Admin_V1_TokenGenerateRequest(serializedBytes: message),
        let terms = accepted(naming: [request.node], { () throws(AdminError) in try InvitationTerms(request) })
    else { return }
    precondition((terms.node ?? "") == request.node)
    if let node = terms.node {
        precondition((try? ReservedNames.node(node, in: trustDomain))?.path == "/podshield/node/\(node)")
    }
    precondition(terms.lifetime >= .seconds(1) && terms.lifetime <= .seconds(7 * 86400))
    precondition(request.ttl == 0 || terms.lifetime == .seconds(request.ttl))
}
