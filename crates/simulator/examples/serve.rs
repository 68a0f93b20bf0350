//! Serves a simulated API server: `cargo run -p simulator --example serve -- KUBECONFIG [STATE_DIR]`.

use std::path::PathBuf;

use simulator::serve::{ServeOptions, Server};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let kubeconfig = arguments.next().unwrap_or_else(|| "kubeconfig".to_owned());
    let state_dir = arguments.next().map(PathBuf::from);
    let addr = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::start(ServeOptions {
        addr,
        state_dir,
        settings: simulator::builtin::Settings::default(),
        limits: simulator::serve::Limits::default(),
    })
    .await?;
    std::fs::write(&kubeconfig, &server.kubeconfig)?;
    eprintln!("serving on {}, kubeconfig in {kubeconfig}", server.addr);
    tokio::signal::ctrl_c().await?;
    Ok(server.shutdown().await?)
}
