//! tokio-tungstenite on a runtime of one thread. Buffers as for tungstenite.

use futures_util::{SinkExt, StreamExt};
use rust_peers::Bench;
use std::rc::Rc;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

fn config(bench: &Bench) -> WebSocketConfig {
    let buffer = match (bench.workload.as_str(), bench.payload.len()) {
        ("receive", 0..65_536) => 16 << 10,
        (_, 0..65_536) => 4 << 10,
        _ => 128 << 10,
    };
    WebSocketConfig::default().read_buffer_size(buffer)
}

fn message(bench: &Bench) -> Message {
    let bytes = Bytes::copy_from_slice(&bench.payload);
    if bench.text {
        Message::Text(Utf8Bytes::try_from(bytes).unwrap())
    } else {
        Message::Binary(bytes)
    }
}

fn data(message: &Message) -> &[u8] {
    match message {
        Message::Binary(bytes) => bytes,
        Message::Text(text) => text.as_bytes(),
        other => panic!("{other}"),
    }
}

async fn open(bench: &Bench, connector: &Connector) -> Socket {
    let stream = TcpStream::from_std({
        let stream = bench.connect();
        stream.set_nonblocking(true).unwrap();
        stream
    });
    let (url, config) = (bench.url.as_str(), Some(config(bench)));
    let connector = Some(connector.clone());
    tokio_tungstenite::client_async_tls_with_config(url, stream.unwrap(), config, connector)
        .await
        .unwrap()
        .0
}

async fn next(socket: &mut Socket) -> Message {
    socket.next().await.unwrap().unwrap()
}

/// One task for each socket; the message that completes the count ends all.
async fn fan(mut bench: Bench, connector: Connector) {
    let mut sockets = Vec::new();
    for _ in 0..bench.connections {
        sockets.push(open(&bench, &connector).await);
    }
    let message = message(&bench);
    bench.begin();
    sockets[0].send(message.clone()).await.unwrap();
    let (tell, mut told) = tokio::sync::mpsc::channel(1);
    let done = Rc::new(std::cell::Cell::new(0));
    let bench = Rc::new(bench);
    let tasks = tokio::task::LocalSet::new();
    for mut socket in sockets {
        let (bench, message, tell, done) =
            (bench.clone(), message.clone(), tell.clone(), done.clone());
        tasks.spawn_local(async move {
            loop {
                bench.check(data(&next(&mut socket).await));
                done.set(done.get() + 1);
                if done.get() == bench.count {
                    let _ = tell.send(()).await;
                    return;
                }
                socket.send(message.clone()).await.unwrap();
            }
        });
    }
    tasks.run_until(async { told.recv().await.unwrap() }).await;
    bench.end();
    std::process::exit(0);
}

async fn work(mut bench: Bench, connector: Connector) {
    match bench.workload.as_str() {
        "fan" => return fan(bench, connector).await,
        "openclose" => {
            bench.begin();
            for _ in 0..bench.count {
                let mut socket = open(&bench, &connector).await;
                socket.close(None).await.unwrap();
                while let Some(Ok(_)) = socket.next().await {}
            }
        }
        "idle" => {
            bench.begin();
            let mut all = Vec::new();
            for _ in 0..bench.count {
                all.push(open(&bench, &connector).await);
            }
            bench.end();
            std::process::exit(0);
        }
        "pingpong" | "pipeline" => {
            let mut socket = open(&bench, &connector).await;
            let message = message(&bench);
            let mut sent = 0;
            bench.begin();
            while sent < bench.window() {
                socket.feed(message.clone()).await.unwrap();
                sent += 1;
            }
            socket.flush().await.unwrap();
            for _ in 0..bench.count {
                bench.check(data(&next(&mut socket).await));
                if sent < bench.count {
                    socket.send(message.clone()).await.unwrap();
                    sent += 1;
                }
            }
        }
        "receive" => {
            let mut socket = open(&bench, &connector).await;
            bench.begin();
            socket.send(Message::binary("go")).await.unwrap();
            for _ in 0..bench.count {
                bench.check(data(&next(&mut socket).await));
            }
        }
        joined @ ("send" | "send-joined") => {
            let mut socket = open(&bench, &connector).await;
            let message = message(&bench);
            let joined = joined == "send-joined";
            bench.begin();
            for _ in 0..bench.count {
                if joined {
                    socket.feed(message.clone()).await.unwrap();
                } else {
                    socket.send(message.clone()).await.unwrap();
                }
            }
            socket.flush().await.unwrap();
            bench.check_sink(data(&next(&mut socket).await));
        }
        _ => bench.unsupported(),
    }
    bench.end();
}

fn main() {
    let bench = Bench::new();
    let connector =
        if bench.tls { Connector::NativeTls(bench.connector()) } else { Connector::Plain };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(work(bench, connector));
}
