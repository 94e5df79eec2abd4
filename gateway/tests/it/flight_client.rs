//! A gateway behind a Flight SQL listener on a free port, and clients of it.

use crate::world::{World, text_rows};
use arrow_flight::error::FlightError;
use arrow_flight::sql::ProstMessageExt;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::{Action, FlightDescriptor, FlightInfo};
use futures::TryStreamExt;
use naru_gateway::server::flight::{self, FlightOptions};
use prost::Message;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

pub(crate) type Client = FlightSqlServiceClient<Channel>;

/// A gateway and its Flight SQL listener, which ends with it.
pub(crate) struct FlightWorld {
    pub(crate) world: World,
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) server: Option<JoinHandle<()>>,
}

impl FlightWorld {
    pub(crate) async fn new() -> Self {
        Self::with(FlightOptions::default()).await
    }

    pub(crate) async fn with(options: FlightOptions) -> Self {
        Self::of(World::new(), options).await
    }

    pub(crate) async fn of(world: World, options: FlightOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let serving = flight::serve(listener, Arc::clone(&world.gateway), options, shutdown.clone());
        Self { world, address, shutdown, server: Some(tokio::spawn(serving)) }
    }

    pub(crate) async fn client(&self) -> Client {
        let endpoint = Endpoint::new(format!("http://{}", self.address)).unwrap();
        FlightSqlServiceClient::new(endpoint.connect().await.unwrap())
    }

    /// A client that trusts this certificate alone.
    pub(crate) async fn tls_client(&self, certificate: &str) -> Client {
        let trust = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(certificate)).domain_name("localhost");
        let endpoint = Endpoint::new(format!("https://{}", self.address)).unwrap().tls_config(trust).unwrap();
        FlightSqlServiceClient::new(endpoint.connect().await.unwrap())
    }

    pub(crate) async fn login(&self, user: &str) -> Client {
        let mut client = self.client().await;
        client.handshake(user, "demo").await.unwrap();
        client
    }
}

impl Drop for FlightWorld {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// All rows of a result as text.
pub(crate) async fn read(client: &mut Client, info: FlightInfo) -> Result<Vec<Vec<String>>, FlightError> {
    let mut all = Vec::new();
    for endpoint in info.endpoint {
        let batches: Vec<_> = client.do_get(endpoint.ticket.unwrap()).await?.try_collect().await?;
        all.extend(batches.iter().flat_map(text_rows));
    }
    Ok(all)
}

pub(crate) async fn rows(client: &mut Client, sql: &str) -> Result<Vec<Vec<String>>, FlightError> {
    let info = client.execute(sql.to_owned(), None).await?;
    read(client, info).await
}

/// An action's first result.
pub(crate) async fn act(client: &mut Client, name: &str, body: Vec<u8>) -> Result<bytes::Bytes, Status> {
    let request = with_token(client, Action::new(name, body));
    Ok(client.inner_mut().do_action(request).await?.into_inner().message().await?.unwrap().body)
}

/// The status of a call that must fail.
pub(crate) fn status<T>(result: Result<T, FlightError>) -> Status {
    match result {
        Err(FlightError::Tonic(status)) => *status,
        Err(other) => panic!("no status: {other}"),
        Ok(_) => panic!("the call succeeded"),
    }
}

/// The descriptor of a statement.
pub(crate) fn command_of(sql: &str) -> FlightDescriptor {
    let query = arrow_flight::sql::CommandStatementQuery { query: sql.to_owned(), transaction_id: None };
    FlightDescriptor::new_cmd(query.as_any().encode_to_vec())
}

/// A call of the raw client, which knows no token.
pub(crate) fn with_token<T>(client: &Client, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {}", client.token().unwrap()).parse().unwrap());
    request
}
