//! What the clients in Rust do alike; `../clients/bench.h` is the same in C.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

/// The arguments `WORKLOAD URL COUNT SIZE KIND CONNECTIONS`, and the clock.
pub struct Bench {
    pub workload: String,
    pub url: String,
    pub tls: bool,
    pub address: String,
    pub path: String,
    pub count: u64,
    pub text: bool,
    pub connections: usize,
    pub payload: Vec<u8>,
    began: Instant,
    cpu_began: f64,
    rss_began: i64,
}

pub const WINDOW: u64 = 64;

/// The exit status for a workload that a client does not have.
pub const UNSUPPORTED: i32 = 3;

fn payload_byte(at: usize, kind: &str) -> u8 {
    match kind {
        "text" => b'a' + (at % 26) as u8,
        "utf8" => "ä€жz".as_bytes()[at % 8],
        _ => (at * 7 + 13) as u8,
    }
}

fn cpu() -> f64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: getrusage fills the struct it is given.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) as f64
        + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) as f64 / 1e6
}

fn rss_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn raise_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls take a pointer to a valid struct.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
    }
}

impl Bench {
    pub fn new() -> Bench {
        raise_limit();
        let arguments: Vec<String> = std::env::args().collect();
        let [_, workload, url, count, size, kind, rest @ ..] = &arguments[..] else {
            panic!("WORKLOAD URL COUNT SIZE KIND [CONNECTIONS]");
        };
        let (scheme, rest_of_url) = url.split_once("://").unwrap();
        let (address, path) = rest_of_url.split_once('/').unwrap();
        let size: usize = size.parse().unwrap();
        Bench {
            workload: workload.clone(),
            url: url.clone(),
            tls: scheme == "wss",
            address: address.to_owned(),
            path: format!("/{path}"),
            count: count.parse().unwrap(),
            text: kind != "binary",
            connections: rest.first().map_or(1, |text| text.parse().unwrap()),
            payload: (0..size).map(|at| payload_byte(at, kind)).collect(),
            began: Instant::now(),
            cpu_began: cpu(),
            rss_began: rss_kib(),
        }
    }

    pub fn window(&self) -> u64 {
        if self.workload == "pipeline" { WINDOW } else { 1 }
    }

    pub fn unsupported(&self) -> ! {
        std::process::exit(UNSUPPORTED)
    }

    pub fn begin(&mut self) {
        self.cpu_began = cpu();
        self.began = Instant::now();
    }

    pub fn end(&self) {
        let seconds = self.began.elapsed().as_secs_f64();
        let cpu = cpu() - self.cpu_began;
        let rss = rss_kib() - self.rss_began;
        println!("{{\"seconds\":{seconds:.9},\"cpu\":{cpu:.6},\"rss_kib\":{rss}}}");
    }

    pub fn check(&self, data: &[u8]) {
        assert_eq!(data.len(), self.payload.len());
        assert_eq!(data.first(), self.payload.first());
        assert_eq!(data.last(), self.payload.last());
    }

    pub fn check_sink(&self, data: &[u8]) {
        let bytes = self.count * self.payload.len() as u64;
        assert_eq!(data, format!("{} {bytes} 0", self.count).as_bytes());
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    pub fn connector(&self) -> native_tls::TlsConnector {
        let pem = std::fs::read(std::env::var("BENCH_CA").unwrap()).unwrap();
        let root = native_tls::Certificate::from_pem(&pem).unwrap();
        native_tls::TlsConnector::builder().add_root_certificate(root).build().unwrap()
    }

    /// The upgrade request, for clients that leave it to the program.
    pub fn request(&self) -> String {
        format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.path, self.address
        )
    }

    /// Upgrades a blocking stream by hand; the server answers in one piece.
    pub fn upgrade(&self, stream: &mut (impl Read + Write)) {
        stream.write_all(self.request().as_bytes()).unwrap();
        let mut answer = [0; 1024];
        let n = stream.read(&mut answer).unwrap();
        assert!(answer[..n].starts_with(b"HTTP/1.1 101") && answer[..n].ends_with(b"\r\n\r\n"));
    }
}

impl Default for Bench {
    fn default() -> Bench {
        Bench::new()
    }
}
