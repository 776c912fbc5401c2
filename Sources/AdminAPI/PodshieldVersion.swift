/// Of the programs; CHANGELOG.md tells what each brought.
public enum PodshieldVersion {
    public static let text = "0.1.0"
}
