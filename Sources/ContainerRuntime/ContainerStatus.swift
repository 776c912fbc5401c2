package import AuthorityAPI
package import CRIAPI

extension ContainerFacts {
    package init(_ status: Runtime_V1_ContainerStatus) {
        self.init(
            name: status.metadata.name, images: [status.image.image, status.imageRef], pod: Pod(labels: status.labels))
    }
}

extension ContainerFacts.Pod {
    /// By the labels that the kubelet gives to containers; what a pod's author calls labels is not among them.
    fileprivate init?(labels: [String: String]) {
        guard let namespace = labels["io.kubernetes.pod.namespace"], let name = labels["io.kubernetes.pod.name"] else {
            return nil
        }
        self.init(namespace: namespace, name: name, uid: labels["io.kubernetes.pod.uid"].flatMap { PodUID($0) })
    }
}
