//! Tests against real providers. Each makes what it needs, touches nothing else, and leaves nothing
//! behind; where the provider is not installed it says so and passes.

mod conformance;

#[cfg(feature = "qemu")]
mod qemu_bridge;
#[cfg(feature = "qemu")]
mod qemu_faults;
#[cfg(feature = "qemu")]
mod qemu_host;
#[cfg(feature = "qemu")]
mod qemu_mounts;
#[cfg(feature = "qemu")]
mod qemu_room;
#[cfg(feature = "qemu")]
mod qemu_rootless;

#[cfg(feature = "podman")]
mod bad_hosts;
#[cfg(feature = "podman")]
mod behind_our_back;
#[cfg(feature = "podman")]
mod bridged;
#[cfg(feature = "podman")]
mod changes;
#[cfg(feature = "podman")]
mod crowd;
#[cfg(feature = "podman")]
mod dying;
#[cfg(all(feature = "podman", debug_assertions))]
mod faults;
#[cfg(feature = "podman")]
mod full_disk;
#[cfg(feature = "podman")]
mod garbage;
#[cfg(feature = "podman")]
mod health;
#[cfg(feature = "podman")]
mod history;
#[cfg(feature = "podman")]
mod hostile;
#[cfg(feature = "podman")]
mod images;
#[cfg(feature = "podman")]
mod interrupts;
#[cfg(feature = "podman")]
mod killed;
#[cfg(feature = "podman")]
mod lifecycle;
#[cfg(feature = "podman")]
mod limits;
#[cfg(feature = "podman")]
mod logs;
#[cfg(feature = "podman")]
mod lost_memory;
#[cfg(feature = "podman")]
mod lost_storage;
#[cfg(feature = "podman")]
mod machine;
#[cfg(feature = "podman")]
mod mounts;
#[cfg(feature = "podman")]
mod namespaces;
#[cfg(feature = "podman")]
mod networks;
#[cfg(feature = "podman")]
mod ownership;
#[cfg(feature = "podman")]
mod podman_host;
#[cfg(feature = "podman")]
mod podman_room;
#[cfg(feature = "podman")]
mod podman_service;
#[cfg(feature = "podman")]
mod podman_shell;
#[cfg(feature = "podman")]
mod ports;
#[cfg(feature = "podman")]
mod process;
#[cfg(feature = "podman")]
mod ranges;
#[cfg(feature = "podman")]
mod registry;
#[cfg(feature = "podman")]
mod replaced;
#[cfg(feature = "podman")]
mod rootless;
#[cfg(feature = "podman")]
mod saved_plans;
#[cfg(feature = "podman")]
mod secrets;
#[cfg(feature = "podman")]
mod signals;
#[cfg(feature = "podman")]
mod snapshots;
#[cfg(feature = "podman")]
mod ssh;
#[cfg(feature = "podman")]
mod strangers;
#[cfg(feature = "podman")]
mod tree;
#[cfg(feature = "podman")]
mod twins;
#[cfg(feature = "podman")]
mod verbs;
#[cfg(feature = "podman")]
mod versions;

#[cfg(feature = "podman")]
#[path = "../support/cli.rs"]
mod cli_support;
