//! A Flight SQL door with TLS, and what clients may trust.

use naru_sql_tests::configuration::{Authority, Configuration};
use naru_sql_tests::naru::Naru;

/// A server whose certificate is signed by an authority of its own.
pub(super) struct Served {
    pub(super) naru: Naru,
    /// The files of its authority and of another one.
    pub(super) authorities: [String; 2],
    _configuration: Configuration,
}

impl Served {
    pub(super) fn new() -> Self {
        let ours = Authority::new("naru test");
        let configuration = Configuration::new().with_flight_tls(&ours);
        configuration.write("ours.pem", &ours.pem());
        configuration.write("strangers.pem", &Authority::new("somebody else").pem());
        let folder = configuration.folder();
        let authorities = ["ours.pem", "strangers.pem"].map(|name| folder.join(name).display().to_string());
        let naru = Naru::serve(folder);
        Self { naru, authorities, _configuration: configuration }
    }
}
