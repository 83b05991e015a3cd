//! What cannot be planned, and which line to change.

mod problem;

use std::path::PathBuf;

use ipnet::Ipv4Net;
use miette::Diagnostic;
use thiserror::Error;

use crate::model::code::Code;
use crate::model::id::ProviderKind;
use crate::model::observed::Power;
use crate::model::plain::one_line;
use crate::model::snapshot::SnapshotName;
use crate::model::source::Place;
use crate::model::units::{Bytes, CpuCount, DiskSize, Memory};

/// A plan that cannot be made.
#[derive(Clone, Debug, Error, Diagnostic, PartialEq, Eq)]
pub enum PlanError {
    /// There is nothing to stop, restart or enter.
    #[error("there is no instance of this project")]
    #[diagnostic(code(vagrantp::plan::not_found), help("`vagrantp up` makes one"))]
    NotFound,
    /// The instance carries a stamp of a later format.
    #[error("{name} was made by vagrantp {version}, and this version does not know its stamp")]
    #[diagnostic(
        code(vagrantp::plan::newer_version),
        help("use that version, or a later one; nothing was touched")
    )]
    NewerVersion {
        /// The instance's name.
        name: String,
        /// The version that made it.
        version: String,
    },
    /// The chosen name belongs to another project, or to nobody that vagrantp knows.
    #[error("the name `{name}` belongs to {owner}")]
    #[diagnostic(
        code(vagrantp::plan::name_taken),
        help("choose another name with INFRA_ID, or remove what has this one")
    )]
    NameTaken {
        /// The name.
        name: String,
        /// Who has it.
        owner: String,
        /// Where INFRA_ID is written.
        #[label(collection, "this name is taken")]
        place: Option<Place>,
    },
    /// The instance was made when the project lay elsewhere.
    #[error("`{name}` was made for this project when it was at {}", one_line(from))]
    #[diagnostic(
        code(vagrantp::plan::moved),
        help("`vagrantp adopt` takes it over with its files; `vagrantp up --new` makes another")
    )]
    Moved {
        /// The instance's name.
        name: String,
        /// The project's former path.
        from: PathBuf,
    },
    /// `adopt` found nothing to take over.
    #[error(
        "there is nothing to adopt: no instance was made for this directory under another path"
    )]
    #[diagnostic(
        code(vagrantp::plan::nothing_to_adopt),
        help("`vagrantp list` shows what there is; `vagrantp up` makes an instance")
    )]
    NothingToAdopt,
    /// The provider cannot do what the line asks.
    #[error("{provider} cannot do this: {what}")]
    #[diagnostic(code(vagrantp::plan::unsupported), help("{help}"))]
    Unsupported {
        /// Which provider.
        provider: ProviderKind,
        /// The key.
        key: &'static str,
        /// What it cannot do.
        what: String,
        /// What to do instead.
        help: String,
        /// Where it is asked for.
        #[label(collection, "asked for here")]
        place: Option<Place>,
    },
    /// The host has too little memory.
    #[error("{wanted} of memory are asked for and {available} are available")]
    #[diagnostic(
        code(vagrantp::plan::memory_short),
        help("set MEMORY to {available} or less, or stop something that uses memory")
    )]
    MemoryShort {
        /// What is asked for.
        wanted: Memory,
        /// What can be had without swapping.
        available: Memory,
        /// Where it is asked for.
        #[label(collection, "this is more than the host has to give")]
        place: Option<Place>,
    },
    /// The host has too few CPUs.
    #[error("{wanted} CPUs are asked for and the host has {available}")]
    #[diagnostic(code(vagrantp::plan::cpus_short), help("set CPUS={available} or less"))]
    CpusShort {
        /// What is asked for.
        wanted: CpuCount,
        /// What there is.
        available: CpuCount,
        /// Where it is asked for.
        #[label(collection, "this is more than the host has")]
        place: Option<Place>,
    },
    /// The disk has too little room.
    #[error("{wanted} of disk are needed in {} and {available} are free", at.display())]
    #[diagnostic(
        code(vagrantp::plan::disk_short),
        help("free some space there: `vagrantp gc` removes what nobody uses any more")
    )]
    DiskShort {
        /// What is needed.
        wanted: Bytes,
        /// What is free.
        available: Bytes,
        /// In which directory.
        at: PathBuf,
    },
    /// A disk would become smaller.
    #[error("DISK_SIZE is {wanted}, and the disk has {found}: a disk is never made smaller")]
    #[diagnostic(
        code(vagrantp::plan::disk_shrinks),
        help(
            "write DISK_SIZE={} or more; a smaller one takes a new disk: `vagrantp rm`, then \
             `vagrantp up`", found.written()
        )
    )]
    DiskShrinks {
        /// What it has.
        found: DiskSize,
        /// What is asked for.
        wanted: DiskSize,
        /// Where it is asked for.
        #[label(collection, "less than the {found} that it has")]
        place: Option<Place>,
    },
    /// The port that is to lead to the guest's SSH server is taken.
    #[error("the port {port} on 127.0.0.1 is taken by {holder}")]
    #[diagnostic(
        code(vagrantp::plan::ssh_port_taken),
        help("free it, or write another SSH_PORT; without the line, a free one is picked")
    )]
    SshPortTaken {
        /// The port.
        port: u16,
        /// Who has it.
        holder: String,
        /// Where it is asked for.
        #[label(collection, "taken by {holder}")]
        place: Option<Place>,
    },
    /// A fixed host port is taken.
    #[error("port {port} on {bind} is taken by {holder}")]
    #[diagnostic(
        code(vagrantp::plan::port_taken),
        help("free it, or write another host port; `auto:{guest}` lets vagrantp pick a free one")
    )]
    PortTaken {
        /// The host port.
        port: u16,
        /// The host address.
        bind: std::net::IpAddr,
        /// The port inside.
        guest: u16,
        /// Who has it.
        holder: String,
        /// Where it is asked for.
        #[label(collection, "taken by {holder}")]
        place: Option<Place>,
    },
    /// Every port of the pool is taken.
    #[error("no port of the pool {pool} is free")]
    #[diagnostic(
        code(vagrantp::plan::port_pool_empty),
        help("widen PORT_POOL, or write a host port instead of `auto`")
    )]
    PortPoolEmpty {
        /// The pool.
        pool: String,
        /// Where `auto` is asked for.
        #[label(collection, "no port is left for this")]
        place: Option<Place>,
    },
    /// The range of the network that would be made is in use.
    #[error("the network {range} would overlap {theirs}, {by}")]
    #[diagnostic(
        code(vagrantp::plan::range_taken),
        help(
            "take an address of another private range, or a longer prefix such as `/28`; without \
             IP_ADDRESS a free range is picked"
        )
    )]
    RangeTaken {
        /// The range that is wanted.
        range: Ipv4Net,
        /// The range that it overlaps.
        theirs: Ipv4Net,
        /// Who has that.
        by: String,
        /// Where it is asked for.
        #[label(collection, "its network would be {range}")]
        place: Option<Place>,
    },
    /// Somebody has the address on the bridge.
    #[error("{address} belongs to {by}")]
    #[diagnostic(
        code(vagrantp::plan::address_taken),
        help("write another address of the same network, one that nobody has")
    )]
    AddressTaken {
        /// The address.
        address: std::net::Ipv4Addr,
        /// Who has it.
        by: String,
        /// Where it is asked for.
        #[label(collection, "taken by {by}")]
        place: Option<Place>,
    },
    /// A network that is not this project's has the name of this project's.
    #[error("a network that is not this project's has the name `{name}`")]
    #[diagnostic(
        code(vagrantp::plan::network_taken),
        help("remove it, or rename it: vagrantp does not touch what it did not make")
    )]
    NetworkTaken {
        /// The name.
        name: String,
    },
    /// A file of the configuration that what runs inside may have written.
    #[error("`{name}` was not there when the machine was made, which could write it since")]
    #[diagnostic(
        code(vagrantp::plan::file_appeared),
        help(
            "read it: it says what `vagrantp up` does on this host. If it is yours, say so once with \
             `vagrantp up{all}`, after which the machine can no longer write it; if it is not, delete it"
        )
    )]
    FileAppeared {
        /// The file's name.
        name: String,
        /// The options that name all files.
        all: String,
    },
    /// The provider cannot look into the instance any more.
    #[error("the storage of {name} is damaged: {why}")]
    #[diagnostic(
        code(vagrantp::plan::damaged),
        help(
            "what was written in it cannot be read any more: `vagrantp up --recreate` makes it \
             again from its image, `vagrantp rm` removes it"
        )
    )]
    Damaged {
        /// The instance's name.
        name: String,
        /// What the provider says, without control characters.
        why: String,
    },
    /// The state allows no way to what was asked.
    #[error("the provider says `{found:?}` of the instance, which vagrantp does not know")]
    #[diagnostic(
        code(vagrantp::plan::unknown_state),
        help("look at it with the provider's own tools; `vagrantp rm --force` removes it")
    )]
    UnknownState {
        /// What was found.
        found: Power,
    },
    /// There is no snapshot of that name.
    #[error("there is no snapshot `{name}`")]
    #[diagnostic(code(vagrantp::plan::snapshot_not_found), help("{}", those_there(known)))]
    SnapshotNotFound {
        /// The name.
        name: SnapshotName,
        /// Those that there are.
        known: Vec<SnapshotName>,
    },
    /// There is a snapshot of that name.
    #[error("there is a snapshot `{name}` already ({taken})")]
    #[diagnostic(
        code(vagrantp::plan::snapshot_exists),
        help("take another name, or remove that one first: `vagrantp snapshot rm {name}`")
    )]
    SnapshotExists {
        /// The name.
        name: SnapshotName,
        /// When that one was taken.
        taken: String,
    },
    /// The verb makes no sense in the state that the instance is in.
    #[error("cannot {verb} `{name}`: it {doing}")]
    #[diagnostic(code(vagrantp::plan::invalid_state), help("{help}"))]
    InvalidState {
        /// The verb.
        verb: &'static str,
        /// The instance's name.
        name: String,
        /// What it does instead: `is stopped`.
        doing: String,
        /// What to do.
        help: String,
    },
}

fn those_there(known: &[SnapshotName]) -> String {
    if known.is_empty() {
        return "there are none: `vagrantp snapshot create` takes one".to_owned();
    }
    let names: Vec<_> = known.iter().map(SnapshotName::as_str).collect();
    format!("there are: {}", names.join(", "))
}

impl PlanError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            PlanError::NotFound | PlanError::NothingToAdopt => Code::InfraNotFound,
            PlanError::NameTaken { .. } | PlanError::Moved { .. } => Code::InfraExists,
            PlanError::Unsupported { .. } => Code::Unsupported,
            PlanError::MemoryShort { .. }
            | PlanError::CpusShort { .. }
            | PlanError::DiskShort { .. } => Code::InsufficientResources,
            PlanError::PortTaken { .. }
            | PlanError::PortPoolEmpty { .. }
            | PlanError::SshPortTaken { .. } => Code::PortConflict,
            PlanError::DiskShrinks { .. } => Code::ConfigInvalid,
            PlanError::RangeTaken { .. } | PlanError::AddressTaken { .. } => Code::AddressConflict,
            PlanError::NetworkTaken { .. } => Code::NetworkFailed,
            PlanError::UnknownState { .. }
            | PlanError::NewerVersion { .. }
            | PlanError::Damaged { .. }
            | PlanError::InvalidState { .. } => Code::InvalidState,
            PlanError::FileAppeared { .. } => Code::ConfigInvalid,
            PlanError::SnapshotNotFound { .. } => Code::SnapshotNotFound,
            PlanError::SnapshotExists { .. } => Code::SnapshotExists,
        }
    }

    /// The key that it is about, and where that stands.
    #[must_use]
    pub fn field(&self) -> Option<(&'static str, Option<&Place>)> {
        match self {
            PlanError::NameTaken { place, .. } => Some(("INFRA_ID", place.as_ref())),
            PlanError::Unsupported { key, place, .. } => Some((key, place.as_ref())),
            PlanError::MemoryShort { place, .. } => Some(("MEMORY", place.as_ref())),
            PlanError::CpusShort { place, .. } => Some(("CPUS", place.as_ref())),
            PlanError::DiskShrinks { place, .. } => Some(("DISK_SIZE", place.as_ref())),
            PlanError::SshPortTaken { place, .. } => Some(("SSH_PORT", place.as_ref())),
            PlanError::PortTaken { place, .. } | PlanError::PortPoolEmpty { place, .. } => {
                Some(("PORTS", place.as_ref()))
            }
            PlanError::RangeTaken { place, .. } | PlanError::AddressTaken { place, .. } => {
                Some(("IP_ADDRESS", place.as_ref()))
            }
            _ => None,
        }
    }
}
