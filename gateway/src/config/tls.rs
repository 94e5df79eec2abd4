//! A door's certificate: read from PEM files, proven to fit together, handed out as rustls takes it.

use super::problem::Problem;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a certificate and its key lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// A certificate whose key is known to be its own.
#[derive(Clone)]
pub struct ServerCertificate {
    chain: Vec<CertificateDer<'static>>,
    config: Arc<ServerConfig>,
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerCertificate(chain of {})", self.chain.len())
    }
}

impl ServerCertificate {
    /// Reads both files.
    ///
    /// # Errors
    /// A file can't be read or holds nothing of its kind; the key is not the certificate's.
    pub fn load(files: &TlsFiles) -> Result<Self, Problem> {
        let wrong = |path: &Path, what: &dyn fmt::Display| Problem::of(path, format!("no usable PEM file: {what}"));
        let path = &files.certificate;
        let chain = CertificateDer::pem_slice_iter(&read(path)?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| wrong(path, &error))?;
        if chain.is_empty() {
            return Err(wrong(path, &"it holds no certificate"));
        }
        let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?).map_err(|error| wrong(&files.key, &error))?;
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain.clone(), key)
            .map_err(|error| Problem::of(&files.key, format!("certificate and key do not fit: {error}")))?;
        Ok(Self { chain, config: Arc::new(config) })
    }

    /// A configuration that shows this certificate. The door adds its ALPN protocols.
    #[must_use]
    pub fn server_config(&self) -> ServerConfig {
        (*self.config).clone()
    }

    /// The server's own certificate: what channel binding is about.
    #[must_use]
    pub fn leaf(&self) -> &CertificateDer<'static> {
        // `load` keeps no empty chain.
        &self.chain[0]
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    std::fs::read(path).map_err(|error| Problem::of(path, format!("can't be read: {error}")))
}
