internal import GRDB

/// A program that does not know a change of the tables would take them for what they were: an evicted node for a member.
struct SupersededSchema: Error {
    let version: String
}

/// The tables, version by version. A migration that was released is never changed.
///
/// Authorities that share a registry migrate it one by one, each in its own place of their log. From 13 on a migration therefore
/// changes no row that is there: else the next change of that row would find it other than where it was made.
enum RegistrySchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: entries, identities, nodes, tokens, leases") { try $0.execute(sql: version1) }
        migrator.registerMigration("2: evicted nodes") { try $0.execute(sql: version2) }
        migrator.registerMigration("3: room for identities") { try $0.execute(sql: version3) }
        migrator.registerMigration("4: hints") { try $0.execute(sql: version4) }
        migrator.registerMigration("5: keys for JWT-SVIDs") { try $0.execute(sql: version5) }
        migrator.registerMigration("6: certificates, and what is revoked") { try $0.execute(sql: version6) }
        migrator.registerMigration("7: editions of entries") { try $0.execute(sql: version7) }
        migrator.registerMigration("8: how nodes joined") { try $0.execute(sql: version8) }
        migrator.registerMigration("9: CAs") { try $0.execute(sql: version9) }
        migrator.registerMigration("10: federation") { try $0.execute(sql: version10) }
        migrator.registerMigration("11: memberships") { try $0.execute(sql: version11) }
        migrator.registerMigration("12: replicas") { try $0.execute(sql: version12) }
        migrator.registerMigration("13: downstream authorities") { try $0.execute(sql: version13) }
        migrator.registerMigration("14: configured relationships") { try $0.execute(sql: version14) }
        migrator.registerMigration("15: tainted keys for JWT-SVIDs") { try $0.execute(sql: version15) }
        migrator.registerMigration("16: whom authorities above and below trust") { try $0.execute(sql: version16) }
        migrator.registerMigration("17: lifetimes of JWT-SVIDs") { try $0.execute(sql: version17) }
        migrator.registerMigration("18: room for entries") { try $0.execute(sql: version18) }
        return migrator
    }

    /// A version that the tables have and this program has not; nil if there is none.
    static func unknownVersion(in db: Database) throws -> String? {
        try migrator.appliedIdentifiers(db).subtracting(migrator.migrations).min()
    }

    /// AUTOINCREMENT is what keeps numbers from being used again; workloads' numbers start at 256.
    private static let version1 = """
        CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        INSERT INTO counters VALUES ('revision', 1), ('generation', 0);

        CREATE TABLE entries (
            id TEXT PRIMARY KEY,
            spiffe_id TEXT NOT NULL,
            parent TEXT NOT NULL,
            namespace TEXT,
            service_account TEXT,
            selectors TEXT NOT NULL,
            labels TEXT NOT NULL,
            dns_names TEXT NOT NULL,
            lifetime INTEGER,
            created_at INTEGER NOT NULL,
            UNIQUE (spiffe_id, parent, selectors)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX entries_by_parent ON entries (parent, namespace, service_account);

        CREATE TABLE identities (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            spiffe_id TEXT NOT NULL,
            labels TEXT NOT NULL,
            in_use_until INTEGER NOT NULL,
            UNIQUE (spiffe_id, labels)
        ) STRICT;
        INSERT INTO sqlite_sequence (name, seq) VALUES ('identities', 255);

        CREATE TABLE nodes (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE,
            address BLOB NOT NULL,
            link_port INTEGER NOT NULL,
            esp_port INTEGER NOT NULL,
            joined_at INTEGER NOT NULL,
            serial TEXT NOT NULL,
            banned INTEGER NOT NULL DEFAULT 0
        ) STRICT;

        CREATE TABLE tokens (
            hash BLOB PRIMARY KEY,
            node_name TEXT,
            expires_at INTEGER NOT NULL,
            used_by INTEGER REFERENCES nodes (number)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE leases (
            address BLOB NOT NULL,
            length INTEGER NOT NULL,
            node INTEGER NOT NULL REFERENCES nodes (number),
            generation INTEGER NOT NULL UNIQUE,
            PRIMARY KEY (address, length, node)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX leases_by_node ON leases (node);
        """

    /// A row stays for as long as the registry: tokens name it, and its number is not given to another.
    private static let version2 = "ALTER TABLE nodes ADD COLUMN evicted INTEGER NOT NULL DEFAULT 0"

    /// Most bytes that an identity takes in a directory: 7 for the frame of each label, whose lines have 2 more than key and
    /// value; 16 for its own, and its number.
    private static let version3 = """
        ALTER TABLE identities ADD COLUMN bytes INTEGER GENERATED ALWAYS AS (length(spiffe_id) + length(labels)
            + 7 * (length(labels) - length(replace(labels, char(10), ''))) + 16) VIRTUAL;
        CREATE INDEX identities_in_use ON identities (in_use_until, bytes);
        """

    private static let version4 = "ALTER TABLE entries ADD COLUMN hint TEXT NOT NULL DEFAULT ''"

    /// The private halves are in files of their own.
    private static let version5 = """
        CREATE TABLE jwt_keys (
            key_id TEXT PRIMARY KEY,
            public_key BLOB NOT NULL,
            state TEXT NOT NULL,
            prepared_at INTEGER NOT NULL,
            not_after INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        INSERT INTO counters VALUES ('jwt-bundle', 0);
        """

    /// A certificate that is revoked stays until it has ended, and the list after that is without it.
    private static let version6 = """
        CREATE TABLE certificates (
            serial TEXT PRIMARY KEY,
            spiffe_id TEXT NOT NULL,
            node INTEGER NOT NULL,
            entry TEXT NOT NULL,
            not_after INTEGER NOT NULL,
            revoked_at INTEGER,
            reason TEXT
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX certificates_by_end ON certificates (not_after);
        CREATE INDEX certificates_revoked ON certificates (revoked_at) WHERE revoked_at IS NOT NULL;

        CREATE TABLE revocations (
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            reason TEXT NOT NULL,
            user INTEGER NOT NULL,
            revoked_at INTEGER NOT NULL,
            PRIMARY KEY (kind, name)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO counters VALUES ('crl', 0), ('crl-issued-at', 0);
        """

    private static let version7 = "ALTER TABLE entries ADD COLUMN edition INTEGER NOT NULL DEFAULT 1"

    /// Until then there were tokens only.
    private static let version8 = """
        ALTER TABLE nodes ADD COLUMN joined_by TEXT NOT NULL DEFAULT 'join-token';
        ALTER TABLE nodes ADD COLUMN joined_as TEXT NOT NULL DEFAULT '';
        """

    /// Until then there was one, in a file. `chain` is PEM. What was issued before does not say by whom, nor
    /// for which pod.
    private static let version9 = """
        CREATE TABLE authorities (
            fingerprint TEXT PRIMARY KEY,
            chain TEXT NOT NULL,
            state TEXT NOT NULL,
            tainted INTEGER NOT NULL DEFAULT 0,
            prepared_at INTEGER NOT NULL
        ) STRICT;
        INSERT INTO counters VALUES ('authorities', 0);
        ALTER TABLE certificates ADD COLUMN pod TEXT NOT NULL DEFAULT '';
        ALTER TABLE certificates ADD COLUMN issued_at INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE certificates ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
        """

    /// Documents as they are passed on. A bundle may be there without a relationship, and the other way round.
    private static let version10 = """
        CREATE TABLE relationships (
            trust_domain TEXT PRIMARY KEY,
            url TEXT NOT NULL,
            endpoint_id TEXT
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE foreign_bundles (
            trust_domain TEXT PRIMARY KEY,
            document TEXT NOT NULL,
            stored_at INTEGER NOT NULL
        ) STRICT;
        ALTER TABLE entries ADD COLUMN federates_with TEXT NOT NULL DEFAULT '[]';
        """

    /// A node's memberships are counted, and each certificate is of one.
    private static let version11 = """
        ALTER TABLE nodes ADD COLUMN membership INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE certificates ADD COLUMN membership INTEGER NOT NULL DEFAULT 0;
        """

    /// A column that SQLite works out keeps it from taking down what changes in its table. Where the log of an authority that shares its
    /// registry stands is in one row; without it the registry is shared with nobody. Of CAs and keys for tokens each authority that
    /// shares it has its own; lists are there for the others, who cannot sign them. A CA that was revoked does not come back.
    private static let version12 = """
        DROP INDEX identities_in_use;
        ALTER TABLE identities DROP COLUMN bytes;
        ALTER TABLE identities ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
        UPDATE identities SET bytes = \(identityBytes);
        CREATE INDEX identities_in_use ON identities (in_use_until, bytes);
        CREATE TABLE replica (
            lineage TEXT PRIMARY KEY, applied INTEGER NOT NULL, last BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE former_authorities (fingerprint TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
        ALTER TABLE authorities ADD COLUMN owner TEXT NOT NULL DEFAULT '';
        ALTER TABLE jwt_keys ADD COLUMN owner TEXT NOT NULL DEFAULT '';
        INSERT INTO counters VALUES ('lists', 0);
        CREATE TABLE revocation_lists (
            authority TEXT PRIMARY KEY, number INTEGER NOT NULL, list BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        """

    /// Last of its table, with a constant for the rows that are there: changes that authorities of the version before make have a place
    /// in it.
    private static let version13 = "ALTER TABLE entries ADD COLUMN downstream INTEGER NOT NULL DEFAULT 0"

    /// The name of the authority whose configuration has it; empty for one that a command made.
    private static let version14 = "ALTER TABLE relationships ADD COLUMN configured_by TEXT NOT NULL DEFAULT '';"

    /// See version 13.
    private static let version15 = "ALTER TABLE jwt_keys ADD COLUMN tainted INTEGER NOT NULL DEFAULT 0"

    /// Of authorities below: by the entry that lets a key's holder have a CA, the node that it named then, and the SVID that he showed last. Of
    /// the authority above: as it told the owner. Keys that were revoked must not come back from either.
    private static let version16 = """
        CREATE TABLE downstream_jwt_keys (
            key_id TEXT PRIMARY KEY,
            public_key BLOB NOT NULL,
            not_after INTEGER NOT NULL,
            published_at INTEGER NOT NULL,
            entry TEXT NOT NULL,
            parent TEXT NOT NULL,
            spiffe_id TEXT NOT NULL,
            serial TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE upstream_jwt_keys (
            key_id TEXT NOT NULL,
            owner TEXT NOT NULL,
            public_key BLOB NOT NULL,
            not_after INTEGER NOT NULL,
            tainted INTEGER NOT NULL,
            PRIMARY KEY (key_id, owner)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE former_jwt_keys (
            key_id TEXT PRIMARY KEY,
            public_key BLOB NOT NULL,
            not_after INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE upstream_roots (
            fingerprint TEXT NOT NULL,
            owner TEXT NOT NULL,
            certificate BLOB NOT NULL,
            PRIMARY KEY (fingerprint, owner)
        ) STRICT, WITHOUT ROWID;
        """

    /// See version 13. NULL for the authority's setting.
    private static let version17 = "ALTER TABLE entries ADD COLUMN jwt_lifetime INTEGER"

    /// Counted as entries come and go: to add all of them up for each that comes would take longer and longer. Without a primary key the
    /// table is none that authorities share, and each counts what it has.
    private static let version18 = """
        CREATE TABLE entry_extent (bytes INTEGER NOT NULL) STRICT;
        INSERT INTO entry_extent SELECT ifnull(sum(\(bytes(ofEntry: "entries"))), 0) FROM entries;
        CREATE TRIGGER entry_comes AFTER INSERT ON entries BEGIN
            UPDATE entry_extent SET bytes = bytes + \(bytes(ofEntry: "new"));
        END;
        CREATE TRIGGER entry_changes AFTER UPDATE ON entries BEGIN
            UPDATE entry_extent SET bytes = bytes + \(bytes(ofEntry: "new")) - (\(bytes(ofEntry: "old")));
        END;
        CREATE TRIGGER entry_goes AFTER DELETE ON entries BEGIN
            UPDATE entry_extent SET bytes = bytes - (\(bytes(ofEntry: "old")));
        END;
        """

    /// Most bytes that an entry takes in what nodes or psid are sent: of lists, each text has 3 more as JSON, which is what its frame may
    /// take; for labels see version 3; 64 for all frames and numbers beside.
    private static func bytes(ofEntry row: String) -> String {
        let texts = ["id", "spiffe_id", "parent", "selectors", "labels", "dns_names", "hint", "federates_with"]
        let joined = texts.map { "\(row).\($0)" }.joined(separator: " || ")
        let lines = "length(\(row).labels) - length(replace(\(row).labels, char(10), ''))"
        return "length(CAST(\(joined) AS BLOB)) + 7 * (\(lines)) + 64"
    }

    /// See version 3.
    static let identityBytes = """
        length(spiffe_id) + length(labels) + 7 * (length(labels) - length(replace(labels, char(10), ''))) + 16
        """
}
