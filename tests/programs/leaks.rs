// A leak beside churn in Rust, for tests/e2e/growth.py: sessions that are never closed, and documents that are read and dropped.
use std::time::{Duration, Instant};

struct Session {
    _buffer: Vec<u8>,
}

#[inline(never)]
fn leak_site_sessions(sessions: &mut Vec<Session>) {
    for _ in 0..8 {
        sessions.push(Session { _buffer: vec![1; 3000] });
    }
}

#[inline(never)]
fn churn_site_documents() -> usize {
    let words: Vec<String> = (0..100).map(|i| format!("{:>1$}", i, 500 + 5 * i)).collect();
    words.concat().len()
}

fn main() {
    let end = Instant::now() + Duration::from_secs(60);
    let mut sessions = Vec::new();
    let mut read = 0;
    while Instant::now() < end {
        leak_site_sessions(&mut sessions);
        read += churn_site_documents();
        std::thread::sleep(Duration::from_micros(500));
    }
    println!("{} {}", sessions.len(), read);
}
