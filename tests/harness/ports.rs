//! Ports that nobody else takes: below the range that the kernel hands out by itself, and locked against the other
//! test processes for as long as they are held. A program may be stopped and started again on its port.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

/// Below 32768, where Linux begins to hand out ports for outgoing connections.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// One port of 127.0.0.1, ours until this is dropped.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// Any free one.
    pub fn free() -> Self {
        // Processes start to look at different places, so that they rarely meet.
        let start = std::process::id() % u32::from(RANGE.end - RANGE.start) * 37;
        let numbers = RANGE.cycle().skip(usize::try_from(start % 12_000).unwrap_or(0));
        let mut tried = numbers.take(RANGE.len());
        tried.find_map(Self::take).expect("a free port between 20000 and 32000")
    }

    /// This one where it is free, else any.
    pub fn preferably(number: u16) -> Self {
        Self::take(number).unwrap_or_else(Self::free)
    }

    fn take(number: u16) -> Option<Self> {
        let locks = std::env::temp_dir().join("bursar-ports");
        fs::create_dir_all(&locks).expect("a directory for port locks");
        let lock = File::create(locks.join(number.to_string())).expect("a port lock");
        lock.try_lock().ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Self { number, _lock: lock })
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.number).into()
    }
}
