//! A configuration folder of a test's own, for [`Naru::serve`](crate::naru::Naru::serve): the demo's users (password `demo`) and
//! policies over catalog `tpch`, every door on a free port, and what the test adds.

use crate::naru::binary;
use crate::workspace;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

/// A folder as `naru serve --config` takes it.
#[derive(Debug)]
pub struct Configuration {
    folder: TempDir,
    sections: BTreeMap<&'static str, String>,
}

impl Default for Configuration {
    fn default() -> Self {
        Self::new()
    }
}

impl Configuration {
    /// Doors for PostgreSQL, Flight SQL and HTTP on loopback, without TLS.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let conf = workspace().join("conf");
        for part in ["catalogs", "policies"] {
            std::fs::create_dir(folder.path().join(part)).expect("a new folder");
        }
        for file in ["catalogs/tpch.toml", "policies/demo.json", "groups"] {
            std::fs::copy(conf.join(file), folder.path().join(file)).expect("a file of the example");
        }
        let users: String = ["alice", "bob", "carol"].iter().fold(String::new(), |mut users, user| {
            let _ = writeln!(users, "{user}:{}", demo_secret());
            users
        });
        std::fs::write(folder.path().join("users"), users).expect("the folder can be written");
        let address = "address = \"127.0.0.1:0\"\n";
        let sections = BTreeMap::from([
            ("postgresql", address.to_owned()),
            ("flight", address.to_owned()),
            ("http", address.to_owned()),
            ("users", "file = \"users\"\ngroups = \"groups\"\n".to_owned()),
            ("audit", "file = \"audit.jsonl\"\n".to_owned()),
        ]);
        Self { folder, sections }
    }

    /// With these lines in a section of `naru.toml`.
    #[must_use]
    pub fn with(mut self, section: &'static str, lines: &str) -> Self {
        let text = self.sections.entry(section).or_default();
        text.push_str(lines);
        text.push('\n');
        self
    }

    /// With TLS at the PostgreSQL door by a certificate of this authority.
    #[must_use]
    pub fn with_tls(self, authority: &Authority, required: bool) -> Self {
        self.renew(authority);
        self.with("postgresql.tls", &format!("certificate = \"tls.crt\"\nkey = \"tls.key\"\nrequired = {required}"))
    }

    /// With TLS at the Flight SQL door by a certificate of this authority.
    #[must_use]
    pub fn with_flight_tls(self, authority: &Authority) -> Self {
        self.renew(authority);
        self.with("flight.tls", "certificate = \"tls.crt\"\nkey = \"tls.key\"")
    }

    /// Writes a new certificate for `localhost` and 127.0.0.1, whether or not somebody reads it already.
    pub fn renew(&self, authority: &Authority) {
        let (certificate, key) = authority.certify();
        // Renamed into place: a reader sees one or the other.
        for (name, text) in [("tls.key", key), ("tls.crt", certificate)] {
            self.write(name, &text);
        }
    }

    /// Replaces a file of the folder as an editor does.
    pub fn write(&self, name: &str, text: &str) {
        let file = self.folder.path().join(name);
        let new = file.with_extension("new");
        std::fs::write(&new, text).expect("the folder can be written");
        std::fs::rename(new, file).expect("a rename in one folder");
    }

    /// A file of the folder.
    #[must_use]
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).expect("a file of the configuration")
    }

    /// The folder, its `naru.toml` written.
    #[must_use]
    pub fn folder(&self) -> &Path {
        let mut text = "default_catalog = \"tpch\"\n".to_owned();
        for (name, lines) in &self.sections {
            let _ = write!(text, "\n[{name}]\n{lines}");
        }
        self.write("naru.toml", &text);
        self.folder.path()
    }
}

/// What the users file holds for the password `demo`.
fn demo_secret() -> &'static str {
    static SECRET: OnceLock<String> = OnceLock::new();
    SECRET.get_or_init(|| {
        let mut command = Command::new(binary());
        let mut hash = command.arg("hash-password").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("naru");
        hash.stdin.take().expect("stdin is piped").write_all(b"demo\n").expect("naru reads the password");
        let output = hash.wait_with_output().expect("naru ends");
        assert!(output.status.success(), "naru hash-password failed");
        String::from_utf8(output.stdout).expect("a secret in ASCII").trim().to_owned()
    })
}

/// A certificate authority that nobody else knows.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

impl Authority {
    /// A new one.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).expect("no names");
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(parameters, key).expect("a certificate"))
    }

    /// What clients trust.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for this machine, and its key.
    fn certify(&self) -> (String, String) {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let key = KeyPair::generate().expect("a key");
        let parameters = CertificateParams::new(names).expect("host names");
        let certificate = parameters.signed_by(&key, &self.0).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    /// How a rustls client trusts it and nobody else.
    #[must_use]
    pub fn client(&self, alpn: &[&str]) -> rustls::ClientConfig {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("a certificate");
        let mut config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }
}
