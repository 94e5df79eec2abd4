//! The PostgreSQL door as a network sees it: who gets in, how long, what stops a query, what bytes can't do. Each test has a
//! `naru` of its own and looks at what that process uses.

mod entering;
mod hostile;
mod load;
mod recorded;
mod staying;
mod stopping;
mod tls;

use naru_sql_tests::configuration::Configuration;
use naru_sql_tests::naru::Naru;

/// A door that takes passwords as they are, so that a client of bytes can log in.
fn configuration() -> Configuration {
    Configuration::new().with("postgresql", "login = \"password\"")
}

fn serve(configuration: &Configuration) -> Naru {
    Naru::serve(configuration.folder())
}
