//! What runs in a machine and takes orders: QEMU's guest agent, where the guest has it. It is asked in
//! lines of JSON, and nobody knows whether somebody is there until an answer comes.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::private;

/// How long an agent has that is there.
const PROMPT: Duration = Duration::from_millis(1000);

/// A connection to an agent that answers.
pub(super) struct Agent {
    stream: BufReader<UnixStream>,
}

impl Agent {
    /// Connects, and sees whether somebody is there; none where nobody answers.
    pub(super) async fn connect(path: &Path) -> Option<Agent> {
        let connecting = async {
            private::check_socket(path)?;
            let stream = UnixStream::connect(path).await?;
            let mut agent = Agent { stream: BufReader::new(stream) };
            // What it has not read of a call before, and what it has still to say to that, ends here.
            let mark = u64::from(std::process::id()) << 20
                | u64::from(jiff::Timestamp::now().subsec_nanosecond().unsigned_abs() >> 10);
            agent
                .send(&json!({ "execute": "guest-sync-delimited", "arguments": { "id": mark } }))
                .await?;
            loop {
                if agent.line().await?["return"].as_u64() == Some(mark) {
                    return Ok::<_, io::Error>(agent);
                }
            }
        };
        timeout(PROMPT, connecting).await.ok()?.ok()
    }

    /// Asks for the guest's end. It says nothing when it obeys.
    pub(super) async fn shut_down(&mut self) -> bool {
        let order = json!({ "execute": "guest-shutdown", "arguments": { "mode": "powerdown" } });
        self.send(&order).await.is_ok()
    }

    /// Sets the guest's clock.
    pub(super) async fn set_time(&mut self, nanoseconds: i128) -> bool {
        let time = i64::try_from(nanoseconds).unwrap_or(i64::MAX);
        let order = json!({ "execute": "guest-set-time", "arguments": { "time": time } });
        let setting = async {
            self.send(&order).await?;
            self.line().await
        };
        let said = timeout(PROMPT, setting).await;
        matches!(said, Ok(Ok(said)) if said.get("return").is_some())
    }

    async fn send(&mut self, order: &Value) -> io::Result<()> {
        // The byte that no JSON holds has it forget what was begun before.
        let line = [&[0xff], format!("{order}\n").as_bytes()].concat();
        self.stream.get_mut().write_all(&line).await
    }

    async fn line(&mut self) -> io::Result<Value> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut limited = tokio::io::AsyncReadExt::take(&mut self.stream, 1 << 20);
            if limited.read_until(b'\n', &mut line).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let text: Vec<u8> = line.iter().copied().filter(|byte| *byte != 0xff).collect();
            if let Ok(said) = serde_json::from_slice(&text) {
                return Ok(said);
            }
        }
    }
}

/// The guest's IPv4 address on the network card with this MAC, where its agent says so.
pub(super) async fn address(path: &Path, mac: &str) -> Option<std::net::Ipv4Addr> {
    let mut agent = Agent::connect(path).await?;
    let asking = async {
        agent.send(&json!({ "execute": "guest-network-get-interfaces" })).await?;
        agent.line().await
    };
    let said = timeout(PROMPT, asking).await.ok()?.ok()?;
    address_of(&said["return"], mac)
}

fn address_of(interfaces: &Value, mac: &str) -> Option<std::net::Ipv4Addr> {
    let has_mac = |interface: &&Value| {
        interface["hardware-address"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(mac))
    };
    let interface = interfaces.as_array()?.iter().find(has_mac)?;
    let addresses = interface["ip-addresses"].as_array()?;
    addresses.iter().find_map(|address| {
        let address: std::net::Ipv4Addr = address["ip-address"].as_str()?.parse().ok()?;
        (!address.is_link_local()).then_some(address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_tells_the_address_of_a_card() {
        let said = json!([
            { "name": "lo", "ip-addresses": [{ "ip-address": "127.0.0.1" }] },
            { "name": "eth0", "hardware-address": "52:54:00:aa:bb:cc", "ip-addresses": [
                { "ip-address": "fe80::1" }, { "ip-address": "169.254.1.1" },
                { "ip-address": "10.1.1.9" }] },
        ]);
        assert_eq!(address_of(&said, "52:54:00:AA:BB:CC"), Some([10, 1, 1, 9].into()));
        assert_eq!(address_of(&said, "52:54:00:00:00:00"), None);
    }
}
