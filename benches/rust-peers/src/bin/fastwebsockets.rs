//! fastwebsockets on a tokio runtime of one thread, with writev and SIMD, as its
//! documentation advises. It leaves the upgrade to the program, or to hyper.

use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, Role, WebSocket};
use rust_peers::Bench;
use std::rc::Rc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

type Socket<S> = FragmentCollector<S>;

async fn tcp(bench: &Bench) -> TcpStream {
    let stream = bench.connect();
    stream.set_nonblocking(true).unwrap();
    TcpStream::from_std(stream).unwrap()
}

async fn open<S: AsyncRead + AsyncWrite + Unpin>(bench: &Bench, mut stream: S) -> Socket<S> {
    stream.write_all(bench.request().as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = [0; 1024];
    let n = stream.read(&mut answer).await.unwrap();
    assert!(answer[..n].starts_with(b"HTTP/1.1 101") && answer[..n].ends_with(b"\r\n\r\n"));
    let mut socket = WebSocket::after_handshake(stream, Role::Client);
    socket.set_writev(true);
    socket.set_auto_close(true);
    socket.set_auto_pong(true);
    FragmentCollector::new(socket)
}

async fn send<S: AsyncRead + AsyncWrite + Unpin>(bench: &Bench, socket: &mut Socket<S>) {
    let payload = Payload::Borrowed(&bench.payload);
    let frame = if bench.text { Frame::text(payload) } else { Frame::binary(payload) };
    socket.write_frame(frame).await.unwrap();
}

async fn receive<S: AsyncRead + AsyncWrite + Unpin>(bench: &Bench, socket: &mut Socket<S>) {
    let frame = socket.read_frame().await.unwrap();
    bench.check(&frame.payload);
}

/// One task for each socket; the message that completes the count ends all.
async fn fan(mut bench: Bench) {
    let mut sockets = Vec::new();
    for _ in 0..bench.connections {
        sockets.push(open(&bench, tcp(&bench).await).await);
    }
    bench.begin();
    send(&bench, &mut sockets[0]).await;
    let (tell, mut told) = tokio::sync::mpsc::channel(1);
    let done = Rc::new(std::cell::Cell::new(0));
    let bench = Rc::new(bench);
    let tasks = tokio::task::LocalSet::new();
    for mut socket in sockets {
        let (bench, tell, done) = (bench.clone(), tell.clone(), done.clone());
        tasks.spawn_local(async move {
            loop {
                receive(&bench, &mut socket).await;
                done.set(done.get() + 1);
                if done.get() == bench.count {
                    let _ = tell.send(()).await;
                    return;
                }
                send(&bench, &mut socket).await;
            }
        });
    }
    tasks.run_until(async { told.recv().await.unwrap() }).await;
    bench.end();
    std::process::exit(0);
}

async fn close<S: AsyncRead + AsyncWrite + Unpin>(mut socket: Socket<S>) {
    socket.write_frame(Frame::close(1000, b"")).await.unwrap();
    while let Ok(frame) = socket.read_frame().await {
        if frame.opcode == OpCode::Close {
            break;
        }
    }
}

async fn on_one<S: AsyncRead + AsyncWrite + Unpin>(bench: &mut Bench, mut socket: Socket<S>) {
    match bench.workload.as_str() {
        "pingpong" | "pipeline" => {
            let mut sent = 0;
            bench.begin();
            while sent < bench.window() {
                send(bench, &mut socket).await;
                sent += 1;
            }
            for _ in 0..bench.count {
                receive(bench, &mut socket).await;
                if sent < bench.count {
                    send(bench, &mut socket).await;
                    sent += 1;
                }
            }
        }
        "receive" => {
            bench.begin();
            socket.write_frame(Frame::binary(Payload::Borrowed(b"go"))).await.unwrap();
            for _ in 0..bench.count {
                receive(bench, &mut socket).await;
            }
        }
        "send" => {
            bench.begin();
            for _ in 0..bench.count {
                send(bench, &mut socket).await;
            }
            bench.check_sink(&socket.read_frame().await.unwrap().payload);
        }
        _ => bench.unsupported(),
    }
    bench.end();
}

async fn work(mut bench: Bench) {
    match bench.workload.as_str() {
        "fan" if !bench.tls => return fan(bench).await,
        "openclose" if !bench.tls => {
            bench.begin();
            for _ in 0..bench.count {
                close(open(&bench, tcp(&bench).await).await).await;
            }
            bench.end();
            return;
        }
        "idle" if !bench.tls => {
            bench.begin();
            let mut all = Vec::new();
            for _ in 0..bench.count {
                all.push(open(&bench, tcp(&bench).await).await);
            }
            bench.end();
            std::process::exit(0);
        }
        "fan" | "openclose" | "idle" => bench.unsupported(),
        _ => {}
    }
    let stream = tcp(&bench).await;
    if bench.tls {
        let connector = tokio_native_tls::TlsConnector::from(bench.connector());
        let stream = connector.connect("127.0.0.1", stream).await.unwrap();
        let socket = open(&bench, stream).await;
        on_one(&mut bench, socket).await;
    } else {
        let socket = open(&bench, stream).await;
        on_one(&mut bench, socket).await;
    }
}

fn main() {
    let bench = Bench::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(work(bench));
}
