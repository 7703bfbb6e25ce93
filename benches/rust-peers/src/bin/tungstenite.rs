//! tungstenite alone: blocking. Its documentation names `read_buffer_size` as
//! what decides its speed: small for small messages, the default for large ones.

use rust_peers::Bench;
use std::io::{Read, Write};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Bytes, Message, Utf8Bytes, WebSocket};

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

fn work<S: Read + Write>(bench: &mut Bench, connect: impl Fn(&Bench) -> S) {
    let open = |bench: &Bench| {
        let stream = connect(bench);
        tungstenite::client::client_with_config(&bench.url, stream, Some(config(bench))).unwrap().0
    };
    match bench.workload.as_str() {
        "openclose" => {
            bench.begin();
            for _ in 0..bench.count {
                let mut socket = open(bench);
                socket.close(None).unwrap();
                while socket.read().is_ok() {}
            }
        }
        "idle" => {
            bench.begin();
            let all: Vec<WebSocket<S>> = (0..bench.count).map(|_| open(bench)).collect();
            bench.end();
            drop(all);
            return;
        }
        "pingpong" | "pipeline" => {
            let mut socket = open(bench);
            let message = message(bench);
            let mut sent = 0;
            bench.begin();
            while sent < bench.window() {
                socket.send(message.clone()).unwrap();
                sent += 1;
            }
            for _ in 0..bench.count {
                bench.check(data(&socket.read().unwrap()));
                if sent < bench.count {
                    socket.send(message.clone()).unwrap();
                    sent += 1;
                }
            }
        }
        "receive" => {
            let mut socket = open(bench);
            bench.begin();
            socket.send(Message::binary("go")).unwrap();
            for _ in 0..bench.count {
                bench.check(data(&socket.read().unwrap()));
            }
        }
        joined @ ("send" | "send-joined") => {
            let mut socket = open(bench);
            let message = message(bench);
            let joined = joined == "send-joined";
            bench.begin();
            for _ in 0..bench.count {
                socket.write(message.clone()).unwrap();
                if !joined {
                    socket.flush().unwrap();
                }
            }
            socket.flush().unwrap();
            bench.check_sink(data(&socket.read().unwrap()));
        }
        _ => bench.unsupported(),
    }
    bench.end();
}

fn main() {
    let mut bench = Bench::new();
    if bench.tls {
        let tls = bench.connector();
        work(&mut bench, |bench| tls.connect("127.0.0.1", bench.connect()).unwrap());
    } else {
        work(&mut bench, Bench::connect);
    }
}
