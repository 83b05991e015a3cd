//! What was seen of a machine so far.

/// How far a machine has come; each names what it is waited for in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It runs.
    #[default]
    Machine,
    /// Its address is not known yet.
    Address,
    /// Nobody on its port has said that it is an SSH server.
    Banner,
    /// The SSH server has not let the user in.
    Login,
    /// cloud-init is not done.
    CloudInit,
}

impl Stage {
    /// How many there are.
    pub const COUNT: u64 = 4;

    /// From 0.
    #[must_use]
    pub fn number(self) -> u64 {
        match self {
            Stage::Machine | Stage::Address => 0,
            Stage::Banner => 1,
            Stage::Login => 2,
            Stage::CloudInit => 3,
        }
    }

    /// As a line says it while it lasts.
    #[must_use]
    pub fn waiting_for(self) -> &'static str {
        match self {
            Stage::Machine => "starting",
            Stage::Address => "waiting for an address",
            Stage::Banner => "waiting for its SSH server",
            Stage::Login => "logging in",
            Stage::CloudInit => "waiting for cloud-init",
        }
    }

    /// As documents name it.
    #[must_use]
    pub fn says(self) -> &'static str {
        match self {
            Stage::Machine => "machine",
            Stage::Address => "address",
            Stage::Banner => "banner",
            Stage::Login => "login",
            Stage::CloudInit => "cloud_init",
        }
    }
}

/// What came of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// An SSH server said who it is.
    Banner,
    /// Something said something else.
    Words(String),
    /// Nobody listens; or who forwards found nobody.
    Refused,
    /// Nothing came back.
    Silence,
    /// There is no way to the address.
    NoWay,
}

/// What came of one try to log in, where that was not a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LoginOutcome {
    OtherHostKey,
    KeyRefused(String),
    /// The connection broke: as of a server that is starting anew.
    Broken(String),
    Other(String),
}

/// All that was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) stage: Stage,
    pub(super) ended: bool,
    pub(super) port: Option<u16>,
    /// The last connection that was more than silence, and silence only where there was none.
    pub(super) last: Option<Outcome>,
    pub(super) login: Option<LoginOutcome>,
    /// Why cloud-init failed.
    pub(super) cloud_init: Option<String>,
}

impl Seen {
    pub(super) fn heard(&mut self, outcome: Outcome) {
        let says_less = matches!(outcome, Outcome::Silence | Outcome::NoWay);
        if !says_less || self.last.is_none() {
            self.last = Some(outcome);
        }
    }
}
