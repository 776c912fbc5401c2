/// Of the programs that are built from this source.
public enum PodshieldVersion {
    public static let text = "0.1.0"
}
