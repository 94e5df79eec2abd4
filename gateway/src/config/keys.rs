//! Every key of `naru.toml`, in the one table that validation, `naru check` and `docs/configuration.md` are made from.
//! Catalog files have the same kind of table, one in each connector.

use naru_connector::{Parameter, ParameterKind};

/// One table of the file.
#[derive(Debug)]
pub(super) struct Section {
    /// Its name; empty for the keys at the top of the file.
    pub(super) name: &'static str,
    /// What it is for.
    pub(super) help: &'static str,
    /// Left out of the file, it has no effect. Others then have their defaults.
    pub(super) optional: bool,
    /// Its keys.
    pub(super) keys: &'static [Parameter],
}

/// The key that names a catalog's connector.
pub(super) const CONNECTOR: &str = "connector";

/// Keys that every catalog file has, whatever its connector.
pub(super) const CATALOG: &[Parameter] = &[
    required(CONNECTOR, ParameterKind::Text, "The kind of source."),
    required("default_schema", ParameterKind::Text, "Where a session in this catalog looks up names without a schema."),
];

/// All of it, in the order of the documentation.
pub(super) const SECTIONS: &[Section] = &[
    Section {
        name: "",
        help: "At the top of the file.",
        optional: false,
        keys: &[
            required("default_catalog", ParameterKind::Text, "The catalog of a connection that names no database."),
            defaulted(
                "denied_columns",
                ParameterKind::Choice(&["error", "hide"]),
                "error",
                "What becomes of a column that the user may not read: with \"error\" it fails with 42501, also under \
                 `SELECT *`; with \"hide\" `*` skips it and naming it fails as an unknown name does.",
            ),
        ],
    },
    Section {
        name: "postgresql",
        help: "The PostgreSQL door. Left out, it stays shut.",
        optional: true,
        keys: POSTGRESQL,
    },
    Section {
        name: "postgresql.tls",
        help: "TLS of the PostgreSQL door. The files are read again when they change.",
        optional: true,
        keys: &[
            CERTIFICATE,
            KEY,
            defaulted(
                "required",
                ParameterKind::Boolean,
                "true",
                "Refuse clients that do not use TLS. With false, a client may also speak plain text.",
            ),
        ],
    },
    Section { name: "flight", help: "The Flight SQL door. Left out, it stays shut.", optional: true, keys: FLIGHT },
    Section {
        name: "flight.tls",
        help: "TLS of the Flight SQL door. Without it, only clients of the same machine are served.",
        optional: true,
        keys: &[CERTIFICATE, KEY],
    },
    Section {
        name: "http",
        help: "The door for health checks and metrics. Left out, it stays shut.",
        optional: true,
        keys: &[defaulted("address", ParameterKind::Address, "127.0.0.1:8080", "Where it listens.")],
    },
    Section {
        name: "users",
        help: "Who may log in. All files are read again when they change.",
        optional: false,
        keys: USERS,
    },
    Section {
        name: "policies",
        help: "Who may see what.",
        optional: false,
        keys: &[defaulted(
            "folder",
            ParameterKind::Path,
            "policies",
            "Folder of Ranger policy files (`*.json`), read again when one changes.",
        )],
    },
    Section { name: "audit", help: "The record of every query.", optional: false, keys: AUDIT },
    Section { name: "limits", help: "What queries may use.", optional: false, keys: LIMITS },
];

const POSTGRESQL: &[Parameter] = &[
    defaulted("address", ParameterKind::Address, "127.0.0.1:5432", "Where it listens."),
    defaulted(
        "login",
        ParameterKind::Choice(&["scram", "password"]),
        "scram",
        "How clients log in, whatever secrets users have. With \"scram\" the password never crosses the network; \
         \"password\" sends it, and is refused unless TLS is required or the address is a loopback one.",
    ),
    defaulted(
        "max_connections",
        ParameterKind::Integer(1, 100_000),
        "500",
        "Connections at the same time; further ones are refused with 53300.",
    ),
    optional(
        "max_connections_per_user",
        ParameterKind::Integer(1, 100_000),
        "Connections of one user at the same time; further ones are refused with 53300.",
    ),
    defaulted(
        "keepalive",
        ParameterKind::Duration,
        "60s",
        "A silent connection is probed after this long, and given up as dead after twice as long without an answer. \
         0s leaves it to the operating system.",
    ),
    defaulted(
        "startup_timeout",
        ParameterKind::Duration,
        "30s",
        "Time from a connection's first byte to the end of its login.",
    ),
    defaulted(
        "drain_timeout",
        ParameterKind::Duration,
        "30s",
        "Time that running statements get to end at a shutdown.",
    ),
    defaulted("max_message", ParameterKind::Bytes, "64MiB", "The largest message that a client may send."),
];

const FLIGHT: &[Parameter] = &[
    defaulted("address", ParameterKind::Address, "127.0.0.1:8815", "Where it listens."),
    defaulted("token_lifetime", ParameterKind::Duration, "8h", "How long a login's bearer token stands."),
    defaulted("ticket_lifetime", ParameterKind::Duration, "15m", "How long a ticket may be redeemed."),
    secret(
        "signing_key",
        "What signs tokens and tickets: 32 bytes or more. Gateways behind one balancer share it. Left out, each start makes \
         its own, and logins end with the process.",
    ),
    defaulted("max_connections", ParameterKind::Integer(1, 100_000), "500", "Connections at the same time."),
    defaulted("max_message", ParameterKind::Bytes, "16MiB", "The largest message that a client may send."),
    defaulted(
        "max_sent_message",
        ParameterKind::Bytes,
        "16MiB",
        "The largest message that a client is sent. Batches are cut to 2 MiB, so that only a single row can come near it; ADBC \
         takes 16 MiB, other clients 4 MiB unless told otherwise.",
    ),
];

const USERS: &[Parameter] = &[
    required("file", ParameterKind::Path, "`user:secret` a line, with secrets from `naru hash-password`."),
    optional("groups", ParameterKind::Path, "`group:user,user` a line."),
    defaulted("failure_window", ParameterKind::Duration, "5m", "How long a failed login counts."),
    defaulted(
        "failures_per_user",
        ParameterKind::Integer(1, 1_000_000),
        "10",
        "Failed logins of one user from one address within the window; further attempts are not looked at.",
    ),
    defaulted(
        "failures_per_address",
        ParameterKind::Integer(1, 1_000_000),
        "100",
        "The same for an address, whoever the user. Behind a proxy many people share one.",
    ),
];

const AUDIT: &[Parameter] = &[
    optional("file", ParameterKind::Path, "JSON lines are appended to it. Left out, records go to the server's log."),
    defaulted(
        "literals",
        ParameterKind::Choice(&["keep", "hash", "drop"]),
        "keep",
        "What becomes of the literals of a statement's text in the record: kept, replaced by a keyed hash (equal literals \
         stay equal), or replaced by `?`.",
    ),
    secret(
        "hash_key",
        "Key of `literals = \"hash\"`. Left out, each start makes its own, and hashes of two starts can't be compared.",
    ),
    defaulted(
        "on_failure",
        ParameterKind::Choice(&["fatal", "log"]),
        "fatal",
        "When a record can't be written: with \"fatal\" the query does not run; with \"log\" it runs, and the server's log \
         says so as an error.",
    ),
];

const LIMITS: &[Parameter] = &[
    defaulted(
        "memory",
        ParameterKind::Bytes,
        "2GiB",
        "What all queries together may hold before they spill or fail with 53200.",
    ),
    defaulted(
        "query_memory",
        ParameterKind::Bytes,
        "1GiB",
        "What one query may hold before it spills or fails with 53200.",
    ),
    defaulted("spill", ParameterKind::Bytes, "20GiB", "What all spilled data together may take."),
    optional("spill_folder", ParameterKind::Path, "Where it is spilled to. Left out, the system's temporary folder."),
    defaulted(
        "running_queries",
        ParameterKind::Integer(1, 1_000_000),
        "64",
        "Queries that run at the same time; further ones wait.",
    ),
    defaulted(
        "queue_time",
        ParameterKind::Duration,
        "60s",
        "How long a query may wait for its turn before it fails with 53400.",
    ),
    optional(
        "statement_timeout",
        ParameterKind::Duration,
        "How long a statement may run where the session has not SET its own statement_timeout.",
    ),
    optional(
        "idle_session_timeout",
        ParameterKind::Duration,
        "How long a PostgreSQL session may be idle outside a transaction block before it is ended with 57P05, where it has \
         not SET its own idle_session_timeout.",
    ),
    optional(
        "idle_in_transaction_session_timeout",
        ParameterKind::Duration,
        "The same inside a transaction block, with 25P03.",
    ),
];

const CERTIFICATE: Parameter =
    required("certificate", ParameterKind::Path, "Certificate chain in PEM form, the server's own first.");
const KEY: Parameter = required("key", ParameterKind::Path, "Private key in PEM form.");

const fn required(name: &'static str, kind: ParameterKind, help: &'static str) -> Parameter {
    Parameter { name, kind, required: true, default: None, secret: false, help }
}

const fn optional(name: &'static str, kind: ParameterKind, help: &'static str) -> Parameter {
    Parameter { name, kind, required: false, default: None, secret: false, help }
}

const fn defaulted(name: &'static str, kind: ParameterKind, default: &'static str, help: &'static str) -> Parameter {
    Parameter { name, kind, required: false, default: Some(default), secret: false, help }
}

const fn secret(name: &'static str, help: &'static str) -> Parameter {
    Parameter { name, kind: ParameterKind::Text, required: false, default: None, secret: true, help }
}
