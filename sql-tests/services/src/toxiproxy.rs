//! Toxiproxy: a TCP proxy whose connections can be cut.

use crate::error::{Result, ServiceError, Tried};
use crate::install;
use crate::process::{Server, free_port, loopback, private_folder};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

const MODULE: &str = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0";

/// A running Toxiproxy.
#[derive(Debug)]
pub struct Toxiproxy {
    api: SocketAddr,
    _server: Server,
}

impl Toxiproxy {
    /// Starts it; the first time on a machine it is built from source.
    pub fn start() -> Result<Self> {
        let program = install::go(MODULE, "server")?;
        let api = loopback(free_port()?);
        let folder = private_folder("toxiproxy")?;
        let mut command = Command::new(program);
        command.args(["-host", "127.0.0.1", "-port", &api.port().to_string()]);
        let mut server = Server::start("toxiproxy", &folder, &mut command)?;
        server.wait_until(|| TcpStream::connect(api).is_ok())?;
        Ok(Self { api, _server: server })
    }

    /// Where its HTTP interface listens.
    #[must_use]
    pub fn api(&self) -> SocketAddr {
        self.api
    }

    /// A new proxy in front of `upstream`; gives the address to connect to.
    pub fn proxy(&self, name: &str, upstream: SocketAddr) -> Result<SocketAddr> {
        let listen = loopback(free_port()?);
        let body = format!(r#"{{"name":"{name}","listen":"{listen}","upstream":"{upstream}","enabled":true}}"#);
        self.post("/proxies", &body)?;
        Ok(listen)
    }

    /// Cuts every connection after the server sent this many bytes.
    pub fn cut_after(&self, proxy: &str, bytes: u64) -> Result<()> {
        let body = format!(r#"{{"type":"limit_data","stream":"downstream","attributes":{{"bytes":{bytes}}}}}"#);
        self.post(&format!("/proxies/{proxy}/toxics"), &body)
    }

    /// Lets no more than this many kilobytes a second through from the server.
    pub fn slow_to(&self, proxy: &str, kilobytes: u64) -> Result<()> {
        let body = format!(r#"{{"type":"bandwidth","stream":"downstream","attributes":{{"rate":{kilobytes}}}}}"#);
        self.post(&format!("/proxies/{proxy}/toxics"), &body)
    }

    /// One request of its HTTP interface. It sends small answers and closes, so no client library is needed.
    fn post(&self, path: &str, body: &str) -> Result<()> {
        let tried = || format!("toxiproxy at {}", self.api);
        let mut stream = TcpStream::connect(self.api).tried(tried)?;
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).tried(tried)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).tried(tried)?;
        if answer.starts_with("HTTP/1.1 20") {
            return Ok(());
        }
        Err(ServiceError::Command { command: format!("POST {path}"), output: answer })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_cut_connection_ends_after_the_bytes_it_was_given() {
        let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = upstream.local_addr().unwrap();
        let writer = std::thread::spawn(move || {
            let (mut stream, _) = upstream.accept().unwrap();
            drop(stream.write_all(&[7; 4096]));
        });
        let toxiproxy = Toxiproxy::start().unwrap();
        let proxied = toxiproxy.proxy("test", address).unwrap();
        toxiproxy.cut_after("test", 1000).unwrap();
        let mut received = Vec::new();
        drop(TcpStream::connect(proxied).unwrap().read_to_end(&mut received));
        assert_eq!(received.len(), 1000);
        writer.join().unwrap();
    }
}
