import AdminAPI
import PSIDCommands
import Testing

@Suite struct PodTests {
    @Test func adding() async throws {
        let daemon = FakeDaemon { $0.podAdd.pod = Messages.pod }
        let outcome = try await psid(
            "pod", "add", "web-0", "--namespace", "shop", "--service-account", "web", "--label", "app=web", "--label",
            "a=b=c", "--netns", "/run/netns/web-0", "--interface", "eth0", "--uid",
            "a1b2c3d4-e5f6-7890-abcd-ef1234567890", to: daemon)
        #expect(outcome.status == .success)
        #expect(
            outcome.output == """
                pod        shop/web-0
                identity   spiffe://example.org/ns/shop/sa/web (256)
                addresses  10.42.1.10, fd42::a
                interface  pod-web-0, MTU 1434

                """)
        let facts = try #require(daemon.request(Podshield_Admin_V1_PodAddRequest.self)).facts
        #expect(facts.name == "web-0" && facts.namespace == "shop" && facts.serviceAccount == "web")
        #expect(facts.labels == ["app": "web", "a": "b=c"] && facts.uid == "a1b2c3d4-e5f6-7890-abcd-ef1234567890")
        #expect(facts.netns == "/run/netns/web-0" && facts.interface == "eth0")
    }

    @Test func whatIsNotSaidOfAPod() async throws {
        let daemon = FakeDaemon { $0.podAdd.pod = Messages.anonymousPod }
        let outcome = try await psid("pod", "add", "job-1", "--netns", "/n", to: daemon)
        #expect(outcome.output.contains("identity   none: its packets drop\n"))
        let facts = try #require(daemon.request(Podshield_Admin_V1_PodAddRequest.self)).facts
        #expect(facts.namespace == "default" && facts.serviceAccount == "default" && facts.labels == [:])
    }

    @Test func listing() async throws {
        let daemon = FakeDaemon { $0.podList.pods = [Messages.pod, Messages.anonymousPod] }
        let outcome = try await psid("pod", "list", "--namespace", "shop", to: daemon)
        #expect(
            outcome.output == """
                NAMESPACE  NAME   SPIFFE ID                            IDENTITY  ADDRESSES           INTERFACE  SVID UNTIL
                shop       web-0  spiffe://example.org/ns/shop/sa/web  256       10.42.1.10,fd42::a  pod-web-0  2025-11-25T20:16:17Z
                batch      job-1  -                                    -         -                   pod-job-1  -

                """)
        #expect(daemon.request(Podshield_Admin_V1_PodListRequest.self)?.namespace == "shop")
    }

    @Test func listingAsJSON() async throws {
        let daemon = FakeDaemon { $0.podList.pods = [Messages.pod, Messages.anonymousPod] }
        let outcome = try await psid("pod", "list", "-o", "json", to: daemon)
        #expect(
            outcome.output == """
                {
                  "pods" : [
                    {
                      "addedAt" : "2025-11-25T19:16:17Z",
                      "addresses" : [
                        "10.42.1.10",
                        "fd42::a"
                      ],
                      "hostIfindex" : 7,
                      "hostInterface" : "pod-web-0",
                      "identity" : 256,
                      "labels" : {
                        "a" : "b",
                        "app" : "web"
                      },
                      "mtu" : 1434,
                      "name" : "web-0",
                      "namespace" : "shop",
                      "netns" : "/run/netns/web-0",
                      "serviceAccount" : "web",
                      "spiffeID" : "spiffe://example.org/ns/shop/sa/web",
                      "svidNotAfter" : "2025-11-25T20:16:17Z"
                    },
                    {
                      "addresses" : [

                      ],
                      "hostInterface" : "pod-job-1",
                      "labels" : {

                      },
                      "mtu" : 1434,
                      "name" : "job-1",
                      "namespace" : "batch",
                      "netns" : "/run/netns/job-1",
                      "serviceAccount" : "default"
                    }
                  ],
                  "schema" : 1
                }

                """)
    }

    @Test func removing() async throws {
        let daemon = FakeDaemon { $0.podRemove.pod = Messages.pod }
        let outcome = try await psid("pod", "remove", "web-0", "--namespace", "shop", to: daemon)
        #expect(outcome.output == "pod shop/web-0 is removed\n")
        let request = try #require(daemon.request(Podshield_Admin_V1_PodRemoveRequest.self))
        #expect(request.name == "web-0" && request.namespace == "shop")
    }

    @Test func removingNothing() async throws {
        let daemon = FakeDaemon {
            $0.error = AdminError(.notFound, "there is no pod 'web'", subject: "web", nearest: ["web-0", "web-1"])
        }
        let outcome = try await psid("pod", "remove", "web", to: daemon)
        #expect(outcome.status == .notFound && outcome.output == "")
        #expect(outcome.messages == "psid: there is no pod 'web'; did you mean web-0, web-1?\n")
    }
}
