//! The queue, free, close and interrupt under shuttle: the library's own code, on
//! real descriptors, with its threads run in thousands of random orders that
//! differ at every lock, atomic and wait.
//!
//! Waits of the kernel are not modelled: a test looks whether the loop's
//! descriptor is readable, as a host with a loop of its own does. When every other
//! thread has ended and it is not readable although there is work, a wake-up was
//! lost.
#![cfg(wskt_shuttle)]

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use shuttle::thread;
use std::any::Any;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{IntoRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wskt::config::Config;
use wskt::drive::Loop;
use wskt::error::Error;
use wskt::event::{Event, EventKind, MessageKind};
use wskt::socket::{Host, Manner, ReadyState, Socket};

/// Orders that are tried of each test.
fn check(test: fn()) {
    let orders = std::env::var("WSKT_ORDERS").ok().and_then(|text| text.parse().ok());
    let orders = orders.unwrap_or(2000);
    let mut config = shuttle::Config::new();
    config.stack_size = 1 << 20;
    // A thread that waits for ever looks all the time.
    config.max_steps = shuttle::MaxSteps::FailAfter(20_000);
    let random = RandomScheduler::new(orders / 2);
    shuttle::Runner::new(random, config.clone()).run(test);
    // Few changes of thread at places that are picked: rare orders.
    let rare = PctScheduler::new(3, orders / 2);
    shuttle::Runner::new(rare, config).run(test);
}

// -- the program ------------------------------------------------------------------

/// What a program's handlers saw. A wrong order is noted: a panic would end in
/// the library.
#[derive(Default)]
struct Seen {
    messages: AtomicUsize,
    closes: AtomicUsize,
    inside: AtomicBool,
    silenced: AtomicBool,
    gone: AtomicBool,
    wrong: Mutex<Vec<&'static str>>,
}

impl Seen {
    fn wrong(&self, what: &'static str) {
        self.wrong.lock().unwrap().push(what);
    }

    fn judge(&self) {
        assert_eq!(*self.wrong.lock().unwrap(), Vec::<&str>::new());
    }
}

struct Handlers(Arc<Seen>);

impl Host for Handlers {
    fn deliver(&self, _: &Arc<Socket>, event: &Event<'_>) {
        let seen = &self.0;
        if seen.silenced.load(Ordering::SeqCst) {
            seen.wrong("an event after free has returned");
        }
        if seen.inside.swap(true, Ordering::SeqCst) {
            seen.wrong("two events at once");
        }
        if seen.closes.load(Ordering::SeqCst) > 0 {
            seen.wrong("an event after close");
        }
        match event.kind {
            EventKind::Message(..) => drop(seen.messages.fetch_add(1, Ordering::SeqCst)),
            EventKind::Close(_) => drop(seen.closes.fetch_add(1, Ordering::SeqCst)),
            _ => {}
        }
        thread::yield_now();
        seen.inside.store(false, Ordering::SeqCst);
    }

    fn deliver_message(&self, socket: &Arc<Socket>, time: f64, kind: MessageKind, data: &[u8]) {
        self.deliver(socket, &Event { timestamp: time, kind: EventKind::Message(kind, data) });
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }

    fn again(&self, _: &Arc<Socket>) -> Box<dyn Host> {
        Box::new(Handlers(Arc::clone(&self.0)))
    }
}

impl Drop for Handlers {
    fn drop(&mut self) {
        if self.0.inside.load(Ordering::SeqCst) {
            self.0.wrong("gone while a handler runs");
        }
        self.0.gone.store(true, Ordering::SeqCst);
    }
}

// -- the peer ---------------------------------------------------------------------

/// Answers the upgrade on a real thread and gives the connection back.
fn peer(mut stream: UnixStream) -> std::thread::JoinHandle<UnixStream> {
    std::thread::spawn(move || {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        let request = String::from_utf8(request).unwrap();
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let accept = tungstenite::handshake::derive_accept_key(key.unwrap().as_bytes());
        write!(
            stream,
            "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        .unwrap();
        stream.set_nonblocking(true).unwrap();
        stream
    })
}

/// All frames in these bytes: opcode and length of the payload.
fn frames(mut bytes: &[u8]) -> Vec<(u8, usize)> {
    let mut found = Vec::new();
    while bytes.len() > 1 {
        let (extra, len) = match bytes[1] & 127 {
            126 => (2, usize::from(u16::from_be_bytes([bytes[2], bytes[3]]))),
            127 => (8, u64::from_be_bytes(bytes[2..10].try_into().unwrap()) as usize),
            short => (0, usize::from(short)),
        };
        found.push((bytes[0] & 15, len));
        bytes = &bytes[2 + extra + 4 + len..];
    }
    found
}

/// Takes what there is; true at the end of the stream.
fn take(stream: &mut UnixStream, into: &mut Vec<u8>) -> bool {
    let mut chunk = [0; 64 << 10];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => return true,
            Ok(n) => into.extend_from_slice(&chunk[..n]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(_) => return true,
        }
    }
}

// -- a host with a loop of its own ------------------------------------------------

fn readable(fd: RawFd, ms: i32) -> bool {
    let mut watched = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one live struct.
    unsafe { libc::poll(&raw mut watched, 1, ms) > 0 }
}

struct World {
    seen: Arc<Seen>,
    event_loop: Arc<Loop>,
    socket: Arc<Socket>,
    peer: UnixStream,
}

fn socket_on(event_loop: Option<&Arc<Loop>>, seen: &Arc<Seen>) -> (Arc<Socket>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let host = Box::new(Handlers(Arc::clone(seen)));
    let config = Arc::new(Config::default());
    let socket = Socket::new(event_loop, "ws://a.example/", config, host).unwrap();
    socket.adopt(ours.into_raw_fd()).unwrap();
    (socket, theirs)
}

impl World {
    /// An open socket on a loop that is dispatched.
    fn new() -> Self {
        let seen = Arc::new(Seen::default());
        let event_loop = Loop::new(Box::new(())).unwrap();
        let (socket, theirs) = socket_on(Some(&event_loop), &seen);
        let peer = peer(theirs);
        socket.open().unwrap();
        while socket.ready_state() != ReadyState::Open {
            assert!(readable(event_loop.fd(), 20_000), "the upgrade");
            event_loop.dispatch().unwrap();
        }
        Self { seen, event_loop, socket, peer: peer.join().unwrap() }
    }

    /// Drives beside other threads: looks a few times.
    fn drive(&self) {
        for _ in 0..6 {
            if readable(self.event_loop.fd(), 0) {
                let _ = self.event_loop.dispatch();
            }
            thread::yield_now();
        }
    }

    /// Drives alone for as long as there is anything to do; what the peer got.
    fn finish(&mut self) -> Vec<u8> {
        let mut got = Vec::new();
        loop {
            let before = got.len();
            let over = take(&mut self.peer, &mut got);
            if readable(self.event_loop.fd(), 0) {
                self.event_loop.dispatch().unwrap();
            } else if over || got.len() == before {
                return got;
            }
        }
    }
}

/// A message that is sent as it is.
fn plain(kind: MessageKind) -> Manner {
    Manner::new(kind).uncompressed()
}

/// A frame of the peer.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode, payload.len() as u8];
    frame.extend_from_slice(payload);
    frame
}

// -- the tests --------------------------------------------------------------------

fn sends_beside_a_pause() {
    // More than a Unix socket takes at once: the queue blocks and is flushed.
    const LARGE: usize = 300 << 10;
    let mut world = World::new();
    world.peer.write_all(&[frame(1, b"one"), frame(2, b"two")].concat()).unwrap();
    let (first, second) = (Arc::clone(&world.socket), Arc::clone(&world.socket));
    let sends = thread::spawn(move || {
        first.send(plain(MessageKind::Binary), &[7; LARGE]).unwrap();
        first.send(plain(MessageKind::Text), b"after").unwrap();
    });
    let pauses = thread::spawn(move || {
        second.pause().unwrap();
        second.send(plain(MessageKind::Text), b"paused").unwrap();
        second.resume().unwrap();
    });
    world.drive();
    sends.join().unwrap();
    pauses.join().unwrap();
    let got = frames(&world.finish());
    assert_eq!(world.socket.buffered_amount(), 0);
    assert_eq!(world.seen.messages.load(Ordering::SeqCst), 2, "what came is told");
    let mut lens: Vec<_> = got.iter().map(|(_, len)| *len).collect();
    assert!(lens.iter().position(|len| *len == LARGE) < lens.iter().position(|len| *len == 5));
    lens.sort_unstable();
    assert_eq!(lens, [5, 6, LARGE]);
    world.seen.judge();
    world.socket.free();
}

fn messages_that_wait_leave() {
    let mut world = World::new();
    world.peer.write_all(&[frame(1, b"one"), frame(1, b"two")].concat()).unwrap();
    let (first, second) = (Arc::clone(&world.socket), Arc::clone(&world.socket));
    let more = plain(MessageKind::Text).before_more();
    let waits = thread::spawn(move || {
        first.send(more, b"a").unwrap();
        first.send(more, b"bb").unwrap();
    });
    let both = thread::spawn(move || {
        second.send(plain(MessageKind::Text), b"ccc").unwrap();
        second.send(more, b"dddd").unwrap();
    });
    world.drive();
    waits.join().unwrap();
    both.join().unwrap();
    // It is driven only where the descriptor asks for it.
    let mut lens: Vec<_> = frames(&world.finish()).iter().map(|(_, len)| *len).collect();
    lens.sort_unstable();
    assert_eq!(lens, [1, 2, 3, 4]);
    assert_eq!(world.socket.buffered_amount(), 0);
    world.seen.judge();
    world.socket.free();
}

fn close_beside_sends_and_abort() {
    let mut world = World::new();
    world.peer.write_all(&frame(1, b"one")).unwrap();
    let (first, second) = (Arc::clone(&world.socket), Arc::clone(&world.socket));
    let closes = thread::spawn(move || {
        first.close(1000, b"bye").unwrap();
        first.close(3000, b"again").unwrap();
    });
    let sends = thread::spawn(move || {
        let _ = second.send(plain(MessageKind::Text), b"x");
    });
    world.drive();
    closes.join().unwrap();
    sends.join().unwrap();
    let got = frames(&world.finish());
    assert_eq!(got.iter().filter(|(opcode, _)| *opcode == 8).count(), 1, "{got:?}");
    assert_eq!(got.last(), Some(&(8, 5)), "nothing behind the Close: {got:?}");
    let aborted = Arc::clone(&world.socket);
    let aborts = thread::spawn(move || aborted.abort().unwrap());
    let _ = world.peer.write_all(&frame(8, b"\x03\xe8"));
    let _ = world.peer.shutdown(std::net::Shutdown::Both);
    world.drive();
    aborts.join().unwrap();
    world.finish();
    assert_eq!(world.seen.closes.load(Ordering::SeqCst), 1, "close is told, once");
    world.seen.judge();
    world.socket.free();
}

fn free_beside_callbacks() {
    let mut world = World::new();
    world.peer.write_all(&[frame(1, b"one"), frame(1, b"two")].concat()).unwrap();
    let (socket, seen) = (Arc::clone(&world.socket), Arc::clone(&world.seen));
    let frees = thread::spawn(move || {
        socket.free();
        if seen.inside.load(Ordering::SeqCst) {
            seen.wrong("free did not wait for the handler");
        }
        seen.silenced.store(true, Ordering::SeqCst);
    });
    let other = Arc::clone(&world.socket);
    let calls = thread::spawn(move || {
        let _ = other.send(plain(MessageKind::Text), b"x");
        let _ = other.close(1000, b"");
    });
    world.drive();
    frees.join().unwrap();
    calls.join().unwrap();
    let mut got = world.finish();
    assert!(take(&mut world.peer, &mut got), "the connection is gone");
    world.seen.judge();
    let World { seen, event_loop, socket, .. } = world;
    assert_eq!(Arc::strong_count(&socket), 1, "nobody keeps a freed socket");
    drop(socket);
    assert!(seen.gone.load(Ordering::SeqCst), "the program's data is released");
    event_loop.free().unwrap();
}

fn free_of_the_loop_beside_calls() {
    let world = World::new();
    let (event_loop, socket) = (Arc::clone(&world.event_loop), Arc::clone(&world.socket));
    let seen = Arc::clone(&world.seen);
    let frees = thread::spawn(move || {
        event_loop.free().unwrap();
        if seen.inside.load(Ordering::SeqCst) {
            seen.wrong("free did not wait for the handler");
        }
        seen.silenced.store(true, Ordering::SeqCst);
    });
    let calls = thread::spawn(move || {
        let _ = socket.send(plain(MessageKind::Text), b"x");
        let _ = socket.close(1000, b"");
    });
    let mut theirs = world.peer.try_clone().unwrap();
    // It may be over already.
    let _ = theirs.write_all(&frame(1, b"one"));
    for _ in 0..6 {
        let _ = world.event_loop.dispatch();
        thread::yield_now();
    }
    frees.join().unwrap();
    calls.join().unwrap();
    assert!(take(&mut theirs, &mut Vec::new()), "the connection is gone");
    world.socket.free();
    world.seen.judge();
    let World { seen, socket, .. } = world;
    drop(socket);
    assert!(seen.gone.load(Ordering::SeqCst), "the program's data is released");
}

fn a_free_is_not_in_the_drivers_way() {
    let mut world = World::new();
    let (other, theirs) = socket_on(Some(&world.event_loop), &Arc::new(Seen::default()));
    let theirs = peer(theirs);
    other.open().unwrap();
    while other.ready_state() != ReadyState::Open {
        assert!(readable(world.event_loop.fd(), 20_000), "the upgrade");
        world.event_loop.dispatch().unwrap();
    }
    let mut theirs = theirs.join().unwrap();
    world.peer.write_all(&frame(1, b"one")).unwrap();
    let frees = thread::spawn(move || other.free());
    for _ in 0..4 {
        assert_eq!(world.event_loop.dispatch(), Ok(()), "nobody else drives");
    }
    frees.join().unwrap();
    world.finish();
    assert_eq!(world.seen.messages.load(Ordering::SeqCst), 1);
    assert!(take(&mut theirs, &mut Vec::new()), "the connection is gone");
    world.seen.judge();
    world.socket.free();
    world.event_loop.free().unwrap();
}

fn pulls_beside_the_descriptor() {
    let seen = Arc::new(Seen::default());
    let event_loop = Loop::new(Box::new(())).unwrap();
    let (socket, theirs) = socket_on(Some(&event_loop), &seen);
    let peer = peer(theirs);
    socket.open().unwrap();
    let mut events = 0;
    event_loop.next_event(Some(Duration::from_secs(20)), |_, _| events += 1).unwrap();
    let mut peer = peer.join().unwrap();
    peer.write_all(&[frame(1, b"one"), frame(1, b"two"), frame(1, b"three")].concat()).unwrap();
    // The host begins to watch while another thread still pulls.
    let watched = Arc::clone(&event_loop);
    let watches = thread::spawn(move || watched.fd());
    let once = event_loop.next_event(Some(Duration::ZERO), |_, _| events += 1);
    assert_eq!(once, Ok(()));
    let fd = watches.join().unwrap();
    while readable(fd, 0) {
        let _ = event_loop.next_event(Some(Duration::ZERO), |_, _| events += 1);
    }
    assert_eq!(events, 4, "the descriptor tells of every event");
    socket.free();
    event_loop.free().unwrap();
}

fn free_beside_blocking_calls() {
    let seen = Arc::new(Seen::default());
    let (socket, theirs) = socket_on(None, &seen);
    let peer = peer(theirs);
    socket.connect(Some(Duration::from_secs(20))).unwrap();
    let mut peer = peer.join().unwrap();
    peer.write_all(&[frame(1, b"one"), frame(1, b"two")].concat()).unwrap();
    let (frees, interrupts) = (Arc::clone(&socket), Arc::clone(&socket));
    let frees = thread::spawn(move || frees.free());
    let interrupts = thread::spawn(move || {
        let _ = interrupts.interrupt();
    });
    for _ in 0..3 {
        let _ = socket.recv(Some(Duration::ZERO), |_| {});
    }
    frees.join().unwrap();
    interrupts.join().unwrap();
    assert!(socket.recv(Some(Duration::ZERO), |_| {}).is_err());
    assert!(take(&mut peer, &mut Vec::new()), "the connection is gone");
    assert_eq!(Arc::strong_count(&socket), 1, "nobody keeps a freed socket");
    drop(socket);
    assert!(seen.gone.load(Ordering::SeqCst), "the program's data is released");
    seen.judge();
}

fn an_interrupt_is_for_one_call() {
    let seen = Arc::new(Seen::default());
    let (socket, theirs) = socket_on(None, &seen);
    let peer = peer(theirs);
    socket.connect(Some(Duration::from_secs(20))).unwrap();
    let _peer = peer.join().unwrap();
    let mut opened = false;
    socket
        .recv(Some(Duration::ZERO), |event| opened = matches!(event.kind, EventKind::Open))
        .unwrap();
    assert!(opened);
    let interrupted = Arc::clone(&socket);
    let interrupts = thread::spawn(move || interrupted.interrupt().unwrap());
    let first = socket.recv(Some(Duration::from_millis(1)), |_| {});
    interrupts.join().unwrap();
    let second = socket.recv(Some(Duration::from_millis(1)), |_| {});
    let ended = [first, second].map(|result| result.unwrap_err());
    let times = ended.iter().filter(|error| **error == Error::Interrupted).count();
    assert_eq!(times, 1, "{ended:?}");
    assert_eq!(socket.ready_state(), ReadyState::Open);
    socket.free();
}

fn stop_beside_start() {
    let event_loop = Loop::new(Box::new(())).unwrap();
    event_loop.start().unwrap();
    let (first, second) = (Arc::clone(&event_loop), Arc::clone(&event_loop));
    let stops = thread::spawn(move || first.stop().unwrap());
    let starts = thread::spawn(move || [(); 3].map(|()| second.start().is_ok()));
    // Nobody else stops it.
    stops.join().unwrap();
    let started = starts.join().unwrap();
    assert!(started.iter().filter(|started| **started).count() <= 1, "{started:?}");
    let last = event_loop.start();
    assert_eq!(last.is_err(), started.contains(&true), "{started:?}, then {last:?}");
    assert_eq!(event_loop.run(), Err(Error::InvalidState), "its thread runs");
    event_loop.stop().unwrap();
    assert_eq!(event_loop.run(), Ok(()), "its thread is gone");
    event_loop.free().unwrap();
}

fn two_stops_beside_start() {
    let event_loop = Loop::new(Box::new(())).unwrap();
    event_loop.start().unwrap();
    let stops = [(); 2].map(|()| {
        let event_loop = Arc::clone(&event_loop);
        thread::spawn(move || event_loop.stop().unwrap())
    });
    let started = event_loop.start();
    stops.into_iter().for_each(|stops| stops.join().unwrap());
    // It was before both, between them, or behind.
    let last = event_loop.start();
    assert!(started.is_ok() || last.is_ok(), "{started:?}, then {last:?}");
    event_loop.free().unwrap();
    assert_eq!(event_loop.start(), Err(Error::LoopGone));
}

macro_rules! orders {
    ($($test:ident)*) => {
        mod orders {
            $(
                #[test]
                fn $test() {
                    super::check(super::$test);
                }
            )*
        }
    };
}

orders! {
    sends_beside_a_pause
    messages_that_wait_leave
    close_beside_sends_and_abort
    free_beside_callbacks
    free_of_the_loop_beside_calls
    a_free_is_not_in_the_drivers_way
    pulls_beside_the_descriptor
    free_beside_blocking_calls
    an_interrupt_is_for_one_call
    stop_beside_start
    two_stops_beside_start
}

/// A test that cannot fail would prove nothing: shuttle finds this order.
#[test]
#[should_panic(expected = "found")]
fn an_order_that_breaks_is_found() {
    check(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let other = Arc::clone(&flag);
        let sets = thread::spawn(move || other.store(true, Ordering::SeqCst));
        assert!(!flag.load(Ordering::SeqCst), "found");
        sets.join().unwrap();
    });
}
