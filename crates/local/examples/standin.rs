//! The provider stand-in alone, for clients that are pointed at it directly: `cargo run --example standin -- 127.0.0.1:8089`.

use std::error::Error;

use tokio::net::TcpListener;
use tollgate_local::standin::Standin;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8089".to_owned());
    let listener = TcpListener::bind(address).await?;
    match Standin::default().serve(listener).await? {}
}
