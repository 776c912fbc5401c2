import Authority
import Configuration
import Testing

/// The template is checked here, so that `psid config validate` knows, and parsed by the authority: both must agree.
@Suite struct TemplateTests {
    @Test(arguments: [
        "/ns/{namespace}/sa/{service-account}", "/a/{pod-name}", "/a", "/{namespace}", "a/{namespace}", "", "/", "//",
        "/podshield/{namespace}", "/a/x{namespace}", "/a/{namespace}/", "/a/{node}", "/a/../{namespace}",
        "/a b/{namespace}", "/a/{namespace}/{pod-name}/b", "/a/\u{e9}/{namespace}",
    ])
    func bothAgree(_ template: String) {
        let yaml = Documents.standalone + "authority: {identity-template: \"\(template)\"}\n"
        let isAccepted = (try? PodshieldConfiguration(yaml: yaml, file: "f")) != nil
        #expect(isAccepted == ((try? IdentityTemplate(template)) != nil))
    }
}
