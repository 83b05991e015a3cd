//! How an instance is attached: its mode here, and a file each for addresses, MAC addresses, ports
//! and the pool that ports are picked from.

mod address;
mod mac;
mod pool;
mod port;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use address::{AddressError, HostAddress, parse_ipv4};
pub use mac::{MacAddress, MacError};
pub use pool::PortPool;
pub use port::{DEFAULT_BIND, HostPort, PortError, PortForward, PortRule, Protocol, parse_port};

/// How the instance reaches the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkMode {
    /// Behind the host: the provider's own network, reached through forwarded ports.
    Default,
    /// On one of the host's bridges, with an address of its own there.
    Bridge,
}

impl NetworkMode {
    /// As the `.env` spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            NetworkMode::Default => "default",
            NetworkMode::Bridge => "bridge",
        }
    }
}

impl fmt::Display for NetworkMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
