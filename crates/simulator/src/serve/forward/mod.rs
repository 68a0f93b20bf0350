//! Forwarding of a pod's ports to a client, over SPDY frames (`cri-streaming/pkg/streaming/portforward/httpstream.go`).
//!
//! A client opens two streams per connection that it forwards, one for data and one for what goes wrong.

mod header_block;
mod spdy;
pub(super) mod websocket;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use self::header_block::Writer;
use self::spdy::Frame;
use self::websocket::Message;
use crate::apiserver::{Carrier, Forward};

/// Frames that wait for a client, or for a pod, before whoever sends them has to.
const QUEUE: usize = 16;
/// Connections that one client may forward at the same time.
const MOST: usize = 1000;

/// Forwards until the client goes.
pub(super) async fn serve(forward: Forward, upgrade: OnUpgrade) {
    if let Ok(upgraded) = upgrade.await {
        run(forward, TokioIo::new(upgraded)).await;
    }
}

async fn run(forward: Forward, stream: impl AsyncRead + AsyncWrite + Send + 'static) {
    let (reader, writer) = tokio::io::split(stream);
    let (queue, frames) = mpsc::channel(QUEUE);
    let client = Client {
        carrier: forward.carrier,
        queue,
    };
    // All of it ends with this function.
    let mut tasks = JoinSet::new();
    tasks.spawn(write(frames, writer));
    let mut ports = Ports {
        forward,
        client,
        tasks,
        headers: Writer::default(),
        halves: BTreeMap::new(),
        open: BTreeMap::new(),
    };
    ports.follow(reader).await;
}

async fn write(mut frames: mpsc::Receiver<Vec<u8>>, mut writer: impl AsyncWrite + Unpin) {
    while let Some(frame) = frames.recv().await {
        if writer.write_all(&frame).await.is_err() {
            return;
        }
        // A WebSocket's last frame is followed by the end of its connection.
        if writer.flush().await.is_err() {
            return;
        }
    }
}

/// The way to the client.
#[derive(Clone)]
struct Client {
    carrier: Carrier,
    queue: mpsc::Sender<Vec<u8>>,
}

impl Client {
    /// Sends a frame of SPDY. Whether the client has gone is noticed where it is read from.
    async fn send(&self, frame: Vec<u8>) {
        let bytes = match self.carrier {
            Carrier::Spdy => frame,
            Carrier::WebSocket => websocket::binary(&frame),
        };
        self.send_as_is(bytes).await;
    }

    async fn send_as_is(&self, bytes: Vec<u8>) {
        let _ = self.queue.send(bytes).await;
    }
}

/// One of the two streams of a forwarded connection, until the other one is there too.
#[derive(Default)]
struct Half {
    data: Option<u32>,
    error: Option<u32>,
}

/// What a data stream leads to.
struct Open {
    /// The way to the pod; gone when the client sends no more.
    input: Option<mpsc::Sender<Vec<u8>>>,
    task: AbortHandle,
}

/// The forwarded connections of one client.
struct Ports {
    forward: Forward,
    client: Client,
    tasks: JoinSet<()>,
    headers: Writer,
    /// By request.
    halves: BTreeMap<String, Half>,
    /// By data stream.
    open: BTreeMap<u32, Open>,
}

impl Ports {
    /// Does what the client says, to its end.
    async fn follow(&mut self, mut reader: impl AsyncRead + Unpin) {
        let mut messages = websocket::Decoder::default();
        let mut frames = spdy::Decoder::new();
        let mut buffer = vec![0; spdy::PIECE];
        loop {
            let read = match reader.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(read) => buffer.get(..read).unwrap_or_default(),
            };
            let parts = match self.forward.carrier {
                Carrier::Spdy => Ok(vec![Message::Bytes(read.to_vec())]),
                Carrier::WebSocket => messages.push(read),
            };
            let Ok(parts) = parts else { return };
            for part in parts {
                match part {
                    Message::Ping(bytes) => {
                        self.client.send_as_is(websocket::pong(&bytes)).await;
                    }
                    Message::Close => return self.client.send_as_is(websocket::close()).await,
                    Message::Bytes(bytes) => {
                        let Ok(frames) = frames.push(&bytes) else {
                            return;
                        };
                        for frame in frames {
                            if frame == Frame::GoAway {
                                return;
                            }
                            self.take(frame).await;
                        }
                    }
                }
            }
            while self.tasks.try_join_next().is_some() {}
            self.open.retain(|_, open| !open.task.is_finished());
        }
    }

    async fn take(&mut self, frame: Frame) {
        match frame {
            Frame::Open { stream, headers } => self.opened(stream, &headers).await,
            Frame::Data {
                stream,
                bytes,
                last,
            } => {
                let Some(open) = self.open.get_mut(&stream) else {
                    return;
                };
                if let Some(input) = &open.input
                    && !bytes.is_empty()
                {
                    // The pod may have ended the connection.
                    let _ = input.send(bytes).await;
                }
                if last {
                    open.input = None;
                }
            }
            Frame::Reset { stream } => {
                if let Some(open) = self.open.remove(&stream) {
                    open.task.abort();
                }
            }
            Frame::Ping(id) => self.client.send(spdy::ping(id)).await,
            Frame::GoAway => {}
        }
    }

    async fn opened(&mut self, stream: u32, headers: &BTreeMap<String, String>) {
        let value = |name: &str| headers.get(name).map(String::as_str);
        let port = value("port").and_then(|port| port.parse::<u16>().ok());
        let kind = value("streamtype").unwrap_or_default();
        let waiting = self.halves.len() + self.open.len();
        let Some(port) = port.filter(|port| *port > 0 && waiting < MOST) else {
            return self.client.send(spdy::refuse(stream)).await;
        };
        // Old clients name no request: the stream for errors comes first, and that for data is the next one.
        let first = match kind {
            "error" => stream,
            "data" => stream.wrapping_sub(2),
            _ => return self.client.send(spdy::refuse(stream)).await,
        };
        let request = value("requestid").map_or_else(|| first.to_string(), str::to_owned);
        let half = self.halves.entry(request.clone()).or_default();
        match kind {
            "error" => half.error = Some(stream),
            _ => half.data = Some(stream),
        }
        let both = half.data.zip(half.error);
        self.client
            .send(spdy::accept(stream, &mut self.headers))
            .await;
        let Some((data, error)) = both else { return };
        self.halves.remove(&request);
        let (input, output) = mpsc::channel(QUEUE);
        let connection = Connection {
            address: SocketAddr::new(self.forward.address, port),
            complaint: format!(
                "error forwarding port {port} to pod {}, uid {}: ",
                self.forward.pod, self.forward.uid
            ),
            data,
            error,
            client: self.client.clone(),
        };
        let task = self.tasks.spawn(connection.forward(output));
        self.open.insert(
            data,
            Open {
                input: Some(input),
                task,
            },
        );
    }
}

/// One connection to a pod.
struct Connection {
    address: SocketAddr,
    /// What an error text begins with.
    complaint: String,
    data: u32,
    error: u32,
    client: Client,
}

impl Connection {
    async fn forward(self, input: mpsc::Receiver<Vec<u8>>) {
        if let Err(error) = self.copy(input).await {
            let text = format!("{}{error}", self.complaint);
            self.client
                .send(spdy::data(self.error, text.as_bytes()))
                .await;
        }
        self.client.send(spdy::end(self.data)).await;
        self.client.send(spdy::end(self.error)).await;
    }

    /// Both directions, until the pod has sent all it has.
    async fn copy(&self, input: mpsc::Receiver<Vec<u8>>) -> std::io::Result<()> {
        let (mut reader, writer) = TcpStream::connect(self.address).await?.into_split();
        let mut sending = JoinSet::new();
        sending.spawn(feed(input, writer));
        let mut buffer = vec![0; spdy::PIECE];
        loop {
            let read = reader.read(&mut buffer).await?;
            if read == 0 {
                return Ok(());
            }
            let bytes = buffer.get(..read).unwrap_or_default();
            self.client.send(spdy::data(self.data, bytes)).await;
        }
    }
}

async fn feed(mut input: mpsc::Receiver<Vec<u8>>, mut writer: tokio::net::tcp::OwnedWriteHalf) {
    while let Some(bytes) = input.recv().await {
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
    }
    // Dropping the half tells the pod that no more comes.
}
