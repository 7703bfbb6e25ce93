//! A TCP proxy that breaks connections on demand, between a C program and the
//! scripted server. It has a control port that takes one line a connection:
//!
//! - `make UPSTREAM FAULT [AT]` makes a listener for one connection to port
//!   UPSTREAM and answers with its port. After AT bytes from the server the
//!   fault happens; without AT when told.
//! - `now PORT` lets it happen; answers once it has, or at once if it needs
//!   something from the server first.
//!
//! FAULT is one of those in [`Fault`]. Everything ends with this process.
#![allow(dead_code, unreachable_pub, reason = "test support")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::collapsible_match,
    reason = "tests fail by panicking; a condition that acts does not hide in a pattern"
)]

use socket2::SockRef;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How often the pumps look whether something is due.
const TICK: Duration = Duration::from_millis(5);
/// The same where nobody can tell it to be: there are many of these.
const SLOW_TICK: Duration = Duration::from_millis(50);
/// Longest life of a connection.
const LIFE: Duration = Duration::from_secs(60);

/// What happens to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Nothing.
    None,
    /// Each piece waits for 20 ms, both ways.
    Delay,
    /// One byte at a time, both ways.
    Throttle,
    /// Pieces of 7 bytes: TLS records are cut anywhere.
    Cut,
    /// RST to the client.
    Reset,
    /// FIN to the client; what it sends is still taken.
    HalfClose,
    /// Nothing is forwarded any more; both ends stay.
    BlackHole,
    /// The next piece from the server comes twice.
    Duplicate,
    /// The next two TLS records from the server change places.
    SwapRecords,
    /// The next TLS record from the server comes twice.
    DoubleRecord,
}

impl Fault {
    fn parse(word: &str) -> Self {
        match word {
            "none" => Self::None,
            "delay" => Self::Delay,
            "throttle" => Self::Throttle,
            "cut" => Self::Cut,
            "reset" => Self::Reset,
            "half-close" => Self::HalfClose,
            "black-hole" => Self::BlackHole,
            "duplicate" => Self::Duplicate,
            "swap-records" => Self::SwapRecords,
            "double-record" => Self::DoubleRecord,
            _ => panic!("there is no fault {word}"),
        }
    }

    /// Whether every byte arrives all the same.
    fn only_slows(self) -> bool {
        matches!(self, Self::None | Self::Delay | Self::Throttle | Self::Cut)
    }

    /// Whether it is about whole TLS records.
    fn takes_records(self) -> bool {
        matches!(self, Self::SwapRecords | Self::DoubleRecord)
    }

    /// The size of pieces, and the pause before each.
    fn pace(self) -> (usize, Duration) {
        match self {
            Self::Delay => (usize::MAX, Duration::from_millis(20)),
            Self::Throttle => (1, Duration::ZERO),
            Self::Cut => (7, Duration::ZERO),
            _ => (usize::MAX, Duration::ZERO),
        }
    }
}

/// One connection's fault.
#[derive(Debug)]
struct Plan {
    fault: Fault,
    at: Option<usize>,
    due: AtomicBool,
    happened: AtomicBool,
    over: AtomicBool,
}

/// The control port of a proxy that lives as long as this process.
pub fn start() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a control port");
    let port = listener.local_addr().expect("its address").port();
    let plans: Arc<Mutex<HashMap<u16, Arc<Plan>>>> = Arc::default();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let plans = Arc::clone(&plans);
            std::thread::spawn(move || control(stream, &plans));
        }
    });
    port
}

fn control(mut stream: TcpStream, plans: &Mutex<HashMap<u16, Arc<Plan>>>) {
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).expect("a line");
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |word: &str| word.parse::<usize>().expect("a number");
    let answer = match words.as_slice() {
        ["make", upstream, fault, at @ ..] => {
            let plan = Arc::new(Plan {
                fault: Fault::parse(fault),
                at: at.first().map(|at| number(at)),
                due: AtomicBool::new(false),
                happened: AtomicBool::new(false),
                over: AtomicBool::new(false),
            });
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = listener.local_addr().expect("its address").port();
            plans.lock().expect("the plans").insert(port, Arc::clone(&plan));
            let upstream = u16::try_from(number(upstream)).expect("a port");
            std::thread::spawn(move || {
                if let Ok((client, _)) = listener.accept() {
                    drop(listener);
                    serve(client, upstream, &plan);
                }
            });
            port.to_string()
        }
        ["now", port] => {
            let port = u16::try_from(number(port)).expect("a port");
            let plan = Arc::clone(&plans.lock().expect("the plans")[&port]);
            plan.due.store(true, Ordering::SeqCst);
            let until = Instant::now() + LIFE;
            while !plan.fault.takes_records()
                && !plan.happened.load(Ordering::SeqCst)
                && !plan.over.load(Ordering::SeqCst)
            {
                assert!(Instant::now() < until, "the fault does not happen");
                std::thread::sleep(Duration::from_millis(1));
            }
            "done".to_owned()
        }
        _ => panic!("no command: {line}"),
    };
    let _ = writeln!(stream, "{answer}");
}

/// Pumps both ways until both sides are done, or the fault says so.
fn serve(client: TcpStream, upstream: u16, plan: &Arc<Plan>) {
    let server = TcpStream::connect(("127.0.0.1", upstream)).expect("the server");
    let tick = if plan.at.is_some() { SLOW_TICK } else { TICK };
    for stream in [&client, &server] {
        stream.set_nodelay(true).expect("an option");
        stream.set_read_timeout(Some(tick)).expect("an option");
    }
    let client = Arc::new(client);
    let server = Arc::new(server);
    let up = {
        let (client, server, plan) = (Arc::clone(&client), Arc::clone(&server), Arc::clone(plan));
        std::thread::spawn(move || pump_up(&client, &server, &plan))
    };
    if plan.fault.takes_records() {
        pump_records(&server, &client, plan);
    } else {
        pump_down(&server, &client, plan);
    }
    up.join().expect("the other pump");
    if plan.fault == Fault::Reset && plan.happened.load(Ordering::SeqCst) {
        SockRef::from(&*client).set_linger(Some(Duration::ZERO)).expect("an option");
    }
    plan.over.store(true, Ordering::SeqCst);
}

/// A read that gives up after a tick: `None` then.
fn look(mut from: &TcpStream, chunk: &mut [u8]) -> Option<usize> {
    match from.read(chunk) {
        Ok(n) => Some(n),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
        Err(_) => Some(0),
    }
}

/// Forwards at the fault's pace; false if the other side is gone.
fn forward(mut to: &TcpStream, bytes: &[u8], fault: Fault) -> bool {
    let (size, pause) = fault.pace();
    bytes.chunks(size.min(bytes.len().max(1))).all(|piece| {
        std::thread::sleep(pause);
        to.write_all(piece).is_ok()
    })
}

/// Client to server.
fn pump_up(client: &TcpStream, server: &TcpStream, plan: &Plan) {
    let mut chunk = [0; 16 << 10];
    let until = Instant::now() + LIFE;
    while Instant::now() < until {
        let broken = plan.happened.load(Ordering::SeqCst);
        match (plan.fault, broken) {
            (Fault::Reset, true) => break,
            (Fault::BlackHole | Fault::HalfClose, true) => {
                // Taken and thrown away, until the client is gone.
                if look(client, &mut chunk) == Some(0) {
                    break;
                }
            }
            _ => match look(client, &mut chunk) {
                None if plan.over.load(Ordering::SeqCst) => break,
                None => {}
                Some(0) => break,
                Some(n) => {
                    if !forward(server, &chunk[..n], plan.fault) {
                        break;
                    }
                }
            },
        }
    }
    let _ = server.shutdown(Shutdown::Write);
}

/// Server to client, and the place where the fault happens.
fn pump_down(server: &TcpStream, client: &TcpStream, plan: &Plan) {
    let mut chunk = [0; 16 << 10];
    let mut came = 0;
    let until = Instant::now() + LIFE;
    while Instant::now() < until {
        let got = look(server, &mut chunk);
        let happened = plan.happened.load(Ordering::SeqCst);
        let n = got.unwrap_or(0);
        let before = match plan.at {
            _ if happened => None,
            Some(at) if came + n > at => Some(at - came),
            Some(_) => None,
            None => plan.due.load(Ordering::SeqCst).then_some(n),
        };
        if before.is_some() && plan.fault.only_slows() {
            plan.happened.store(true, Ordering::SeqCst);
        } else if let Some(before) = before {
            let whole = plan.fault == Fault::Duplicate;
            if !forward(client, &chunk[..if whole { n } else { before }], plan.fault) {
                break;
            }
            if whole && n == 0 {
                // Nothing to double yet.
                continue;
            }
            if plan.fault == Fault::HalfClose {
                let _ = client.shutdown(Shutdown::Write);
            }
            plan.happened.store(true, Ordering::SeqCst);
            match plan.fault {
                Fault::Reset | Fault::BlackHole | Fault::HalfClose => break,
                Fault::Duplicate if !forward(client, &chunk[..n], plan.fault) => break,
                _ => {}
            }
            came += n;
            continue;
        }
        match got {
            None if plan.over.load(Ordering::SeqCst) => break,
            None => {}
            Some(0) => {
                let _ = client.shutdown(Shutdown::Write);
                break;
            }
            Some(n) if !forward(client, &chunk[..n], plan.fault) => break,
            Some(n) => came += n,
        }
    }
    if !matches!(plan.fault, Fault::BlackHole | Fault::HalfClose) {
        // The client's half may go on, but nobody waits for it for ever.
        plan.over.store(true, Ordering::SeqCst);
    }
}

/// The length of the TLS record that these bytes begin with, if it is whole.
fn whole_record(bytes: &[u8]) -> Option<usize> {
    let header = bytes.get(..5)?;
    let len = 5 + usize::from(u16::from_be_bytes([header[3], header[4]]));
    (bytes.len() >= len).then_some(len)
}

/// Server to client, a TLS record at a time.
fn pump_records(server: &TcpStream, client: &TcpStream, plan: &Plan) {
    let mut chunk = [0; 16 << 10];
    let mut waiting: Vec<u8> = Vec::new();
    let mut gone = 0;
    let until = Instant::now() + LIFE;
    while Instant::now() < until {
        let got = look(server, &mut chunk);
        waiting.extend_from_slice(&chunk[..got.unwrap_or(0)]);
        while let Some(first) = whole_record(&waiting) {
            let due = plan.at.map_or(plan.due.load(Ordering::SeqCst), |at| gone + first > at);
            let mut out = waiting[..first].to_vec();
            let mut taken = first;
            if due && !plan.happened.load(Ordering::SeqCst) {
                if plan.fault == Fault::DoubleRecord {
                    out.extend_from_within(..);
                } else if let Some(second) = whole_record(&waiting[first..]) {
                    taken += second;
                    out = [&waiting[first..taken], &out].concat();
                } else if got != Some(0) {
                    // The second is still to come.
                    break;
                }
                plan.happened.store(true, Ordering::SeqCst);
            }
            waiting.drain(..taken);
            gone += taken;
            if !forward(client, &out, plan.fault) {
                plan.over.store(true, Ordering::SeqCst);
                return;
            }
        }
        match got {
            None if plan.over.load(Ordering::SeqCst) => break,
            Some(0) => {
                let _ = client.shutdown(Shutdown::Write);
                break;
            }
            _ => {}
        }
    }
    plan.over.store(true, Ordering::SeqCst);
}
