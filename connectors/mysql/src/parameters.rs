//! The keys of a catalog file.

use naru_connector::{Parameter, ParameterKind};

pub(crate) const PARAMETERS: &[Parameter] = &[
    Parameter {
        required: true,
        ..parameter(
            "hosts",
            ParameterKind::List,
            "Servers as host:port, in shard order; `{0..3}` counts up, `a:3306|b:3306` are replicas of one server.",
        )
    },
    Parameter { required: true, ..parameter("user", ParameterKind::Text, "The account at the servers.") },
    Parameter { secret: true, ..parameter("password", ParameterKind::Text, "Its password.") },
    Parameter {
        secret: true,
        ..parameter(
            "credentials",
            ParameterKind::Text,
            "Users' own accounts, `user:account:password` a line, `*` for everyone else; write `${file:PATH}`.",
        )
    },
    parameter("accounts", ParameterKind::Document, "Servers with another account; see the documentation."),
    Parameter {
        default: Some("verify-full"),
        ..parameter(
            "tls",
            ParameterKind::Choice(&["disable", "require", "verify-full"]),
            "Encryption: none, encrypted to whoever answers, or to a server with a certificate for its name.",
        )
    },
    parameter("tls_ca", ParameterKind::Path, "The authority's certificates (PEM), instead of the public ones."),
    parameter("tls_server_name", ParameterKind::Text, "The name that certificates are for, when it is not the host's."),
    parameter("tls_certificate", ParameterKind::Path, "Our own certificate (PEM), when servers ask for one."),
    parameter("tls_key", ParameterKind::Path, "The private key (PEM) of our own certificate."),
    Parameter {
        default: Some("first"),
        ..parameter(
            "read_preference",
            ParameterKind::Choice(&["first", "any"]),
            "Which replica is read: the first that answers, or all in turn.",
        )
    },
    Parameter {
        default: Some("10s"),
        ..parameter("connect_timeout", ParameterKind::Duration, "How long one server may take to accept a connection.")
    },
    Parameter {
        default: Some("8"),
        ..parameter(
            "max_connections_per_server",
            ParameterKind::Integer(1, 1000),
            "Statements at a time on one server; more wait their turn.",
        )
    },
    Parameter {
        default: Some("64"),
        ..parameter("max_connections", ParameterKind::Integer(1, 10_000), "Statements at a time on all servers.")
    },
    Parameter {
        default: Some("60s"),
        ..parameter("queue_timeout", ParameterKind::Duration, "How long a statement waits for its turn at most.")
    },
    Parameter {
        default: Some("30s"),
        ..parameter("metadata_ttl", ParameterKind::Duration, "How long columns, keys and sizes are remembered.")
    },
    Parameter {
        default: Some("error"),
        ..parameter(
            "zero_dates",
            ParameterKind::Choice(&["error", "null"]),
            "What dates such as 0000-00-00 become; with \"null\" date columns are nullable and hardly pushed down.",
        )
    },
    Parameter {
        default: Some("time"),
        ..parameter(
            "time_type",
            ParameterKind::Choice(&["time", "text"]),
            "What TIME is: a time of day (values outside 0 to 24 hours are errors), or text as MySQL writes it.",
        )
    },
    Parameter {
        default: Some("hide"),
        ..parameter(
            "unsupported_type",
            ParameterKind::Choice(&["hide", "varchar"]),
            "Columns of types that have no counterpart here: left out, or read as text.",
        )
    },
    Parameter {
        default: Some("false"),
        ..parameter("disable_pushdown", ParameterKind::Boolean, "Read whole tables and evaluate everything here.")
    },
    parameter("tables", ParameterKind::Document, "Logical tables over many physical ones; see the documentation."),
];

/// An optional, open parameter without default.
const fn parameter(name: &'static str, kind: ParameterKind, help: &'static str) -> Parameter {
    Parameter { name, kind, required: false, default: None, secret: false, help }
}
