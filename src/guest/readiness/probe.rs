//! Connections to a port until an SSH server says who it is.
//!
//! While a guest starts, a connection may be refused at once (nobody listens yet), or hang: because the
//! guest has no network so far, or because its server takes its time. QEMU's forwarder accepts every
//! connection, so that the two look alike from here. One that hangs on a guest without a network is
//! tried again by the forwarder only seconds later, and held by it for more than a minute even where it
//! was given up here; one that hangs on a slow server must not be given up. So new ones are begun while
//! older ones are kept: quickly at first and after a hint, then the more slowly the longer nothing is
//! heard, and hardly ever as soon as a refusal has shown that the guest's network is up.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::OFTEN;
use super::seen::Outcome;
use crate::model::plain::is_unsafe;

/// Between two connections while nothing is known of the guest: at first, and at most. In between it
/// is a part of what has been waited for already.
const QUICKLY: Duration = Duration::from_millis(100);
const PATIENTLY: Duration = Duration::from_secs(1);
const PART: u32 = 20;
/// How long a hint makes for quick ones.
const HINTED: Duration = Duration::from_secs(3);
/// And while one waits for a server that is known to be there.
const SLOWLY: Duration = Duration::from_secs(2);
/// How long most connections may hang, and each tenth.
const SHORT: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(10);
/// More are not open at once: from ten on an OpenSSH server turns some away.
const MOST: usize = 9;
/// A server may say other things first (RFC 4253, section 4.2).
const LONGEST: usize = 8 << 10;

/// Ends when an SSH server answers at the address; each outcome on the way is told. A hint says that
/// one may be there by now.
pub(super) async fn banner(
    address: SocketAddr,
    hint: &Notify,
    tell: &(dyn Fn(Outcome) + Send + Sync),
) {
    let begun = Instant::now();
    let mut quick_until = begun;
    let mut open = JoinSet::new();
    let mut number = 0_u32;
    let mut network_is_up = false;
    loop {
        if open.len() < MOST {
            let patient = network_is_up || number.is_multiple_of(10);
            open.spawn(one(address, if patient { LONG } else { SHORT }));
            number = number.wrapping_add(1);
        }
        let pause = match Instant::now() {
            _ if network_is_up => SLOWLY,
            now if now < quick_until => QUICKLY,
            now => ((now - begun) / PART).clamp(QUICKLY, PATIENTLY),
        };
        tokio::select! {
            Some(done) = open.join_next() => {
                let Ok(outcome) = done else { continue };
                tell(outcome.clone());
                match outcome {
                    Outcome::Banner => return,
                    Outcome::Refused | Outcome::Words(_) => {
                        network_is_up = true;
                        sleep(OFTEN).await;
                    }
                    // A device that was there is gone: it starts anew.
                    Outcome::NoWay => {
                        network_is_up = false;
                        sleep(OFTEN).await;
                    }
                    Outcome::Silence => network_is_up = false,
                }
            }
            () = hint.notified() => quick_until = Instant::now() + HINTED,
            () = sleep(pause) => {}
        }
    }
}

async fn one(address: SocketAddr, patience: Duration) -> Outcome {
    let mut heard = Vec::new();
    match timeout(patience, listen(address, &mut heard)).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => match error.kind() {
            std::io::ErrorKind::ConnectionRefused
            | std::io::ErrorKind::ConnectionReset
            | std::io::ErrorKind::BrokenPipe => Outcome::Refused,
            std::io::ErrorKind::TimedOut => Outcome::Silence,
            _ => Outcome::NoWay,
        },
        Err(_) if heard.is_empty() => Outcome::Silence,
        Err(_) => Outcome::Words(shown(&heard)),
    }
}

async fn listen(address: SocketAddr, heard: &mut Vec<u8>) -> std::io::Result<Outcome> {
    let mut stream = TcpStream::connect(address).await?;
    let mut buffer = [0; 512];
    while heard.len() < LONGEST {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            break;
        }
        heard.extend_from_slice(&buffer[..read]);
        let mut lines = heard.split(|byte| *byte == b'\n');
        if lines.any(|line| line.starts_with(b"SSH-2.0-") || line.starts_with(b"SSH-1.99-")) {
            return Ok(Outcome::Banner);
        }
    }
    // Who forwards into a guest closes at once what the guest refused.
    Ok(if heard.is_empty() { Outcome::Refused } else { Outcome::Words(shown(heard)) })
}

fn shown(heard: &[u8]) -> String {
    let line = heard.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let text = String::from_utf8_lossy(line);
    let clean: String = text.chars().filter(|c| !is_unsafe(*c)).take(60).collect();
    format!("`{clean}`")
}
