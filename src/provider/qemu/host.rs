//! What the host offers: the processor, machine types, firmware.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::definition::Uefi;
use super::fault;
use super::settings::Settings;
use crate::exec::Program;
use crate::model::code::Code;
use crate::model::vm::{Acceleration, Firmware};
use crate::provider::ProviderError;

/// What can run instructions here.
pub(super) fn acceleration(settings: &Settings) -> Acceleration {
    let may = || fs::OpenOptions::new().read(true).write(true).open(&settings.kvm).is_ok();
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if processor_helps(&cpuinfo, std::env::consts::ARCH) && may() {
        Acceleration::Kvm
    } else {
        Acceleration::Emulation
    }
}

/// Why nothing but software runs instructions here, and what to do about it.
pub(super) fn why_emulation(settings: &Settings) -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let device = settings.kvm.display();
    let remedy = if !settings.kvm.exists() || !processor_helps(&cpuinfo, std::env::consts::ARCH) {
        "the processor's virtualization is off, or not passed on to this host".to_owned()
    } else {
        format!("{device} is not for this user: sudo usermod -aG kvm \"$USER\", and log in again")
    };
    format!("the machine runs in software, many times slower than it could: {remedy}")
}

/// Whether the processor has what KVM lives on. A device alone does not say so: a module that has
/// pages shadowed in software offers one as well, on which ordinary kernels crawl.
fn processor_helps(cpuinfo: &str, arch: &str) -> bool {
    if !matches!(arch, "x86" | "x86_64") {
        return true;
    }
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags"));
    flags.is_some_and(|flags| flags.split_whitespace().any(|flag| matches!(flag, "vmx" | "svm")))
}

/// The versioned name of the machine type that is made here now.
pub(super) async fn machine_type(emulator: &Program) -> Result<String, ProviderError> {
    let output = emulator.run(&["-machine", "help"]).await;
    let output = output.map_err(|error| fault::exec("create a machine", &error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let family = family(std::env::consts::ARCH);
    newest(&text, family).ok_or_else(|| {
        let message = format!("{emulator} knows no machine of the type {family}");
        fault::with(
            "create a machine",
            &message,
            "install a newer QEMU",
            Code::ProviderNotAvailable,
        )
    })
}

fn family(arch: &str) -> &'static str {
    if matches!(arch, "x86" | "x86_64") { "q35" } else { "virt" }
}

/// What the name without a version stands for: `q35  Standard PC … (alias of pc-q35-10.0)`.
fn newest(list: &str, family: &str) -> Option<String> {
    let line = list.lines().find(|line| line.split_whitespace().next() == Some(family))?;
    let (_, alias) = line.split_once("(alias of ")?;
    Some(alias.split(')').next()?.trim().to_owned())
}

/// Where descriptions of firmware are, the first that fits being the one (QEMU's docs/interop).
fn descriptions(settings: &Settings) -> Vec<PathBuf> {
    let homes = [
        settings.config_home.join("qemu/firmware"),
        PathBuf::from("/etc/qemu/firmware"),
        PathBuf::from("/usr/share/qemu/firmware"),
    ];
    let mut files: Vec<PathBuf> = Vec::new();
    for home in homes {
        let entries = fs::read_dir(home).into_iter().flatten().flatten().map(|entry| entry.path());
        for path in entries.filter(|path| path.extension().is_some_and(|end| end == "json")) {
            // A file of the same name in an earlier place stands for this one.
            if files.iter().all(|known| known.file_name() != path.file_name()) {
                files.push(path);
            }
        }
    }
    files.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    files
}

/// The UEFI that a machine gets; none where it boots by BIOS.
pub(super) fn uefi(
    settings: &Settings,
    wanted: Firmware,
    machine: &str,
) -> Result<Option<Uefi>, ProviderError> {
    let arch = std::env::consts::ARCH;
    let wants = match wanted {
        Firmware::Uefi => true,
        Firmware::Bios => false,
        // Where there is no BIOS, there is nothing else.
        Firmware::Auto => family(arch) != "q35",
    };
    if !wants {
        return Ok(None);
    }
    let read = |path: &PathBuf| serde_json::from_slice(&fs::read(path).ok()?).ok();
    let fits = |found: &Description| found.fits(arch, machine);
    let found = descriptions(settings).iter().filter_map(read).find(fits);
    match found.and_then(|description: Description| description.uefi()) {
        Some(uefi) if uefi.code.exists() && uefi.template.exists() => Ok(Some(uefi)),
        _ => Err(fault::missing("UEFI firmware", &settings.distribution)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Description {
    #[serde(default)]
    interface_types: Vec<String>,
    mapping: Mapping,
    #[serde(default)]
    targets: Vec<Target>,
    #[serde(default)]
    features: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Mapping {
    device: String,
    #[serde(default)]
    executable: Option<FlashFile>,
    #[serde(default)]
    nvram_template: Option<FlashFile>,
}

#[derive(Deserialize)]
struct FlashFile {
    filename: PathBuf,
    #[serde(default)]
    format: String,
}

#[derive(Deserialize)]
struct Target {
    architecture: String,
    #[serde(default)]
    machines: Vec<String>,
}

impl Description {
    fn fits(&self, arch: &str, machine: &str) -> bool {
        let target = |target: &Target| {
            let named = |pattern: &String| match pattern.split_once('*') {
                Some((start, end)) => machine.starts_with(start) && machine.ends_with(end),
                None => pattern == machine,
            };
            target.architecture == arch && target.machines.iter().any(named)
        };
        // Secure boot needs keys, and memory that only the firmware may write.
        let plain = !self.features.iter().any(|feature| {
            matches!(feature.as_str(), "requires-smm" | "enrolled-keys" | "secure-boot")
        });
        plain
            && self.mapping.device == "flash"
            && self.interface_types.iter().any(|kind| kind == "uefi")
            && self.targets.iter().any(target)
    }

    fn uefi(self) -> Option<Uefi> {
        let raw = |file: Option<FlashFile>| {
            file.filter(|file| file.format == "raw").map(|file| file.filename)
        };
        let mapping = self.mapping;
        Some(Uefi { code: raw(mapping.executable)?, template: raw(mapping.nvram_template)? })
    }
}

/// Whether the path is a directory.
pub(super) fn is_directory(path: &Path) -> bool {
    path.is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_type_has_a_version() {
        let list = "Supported machines are:\nmicrovm  microvm (i386)\npc   Standard PC (i440FX) \
                    (alias of pc-i440fx-10.0)\nq35  Standard PC (Q35 + ICH9, 2009) (alias of \
                    pc-q35-10.0)\npc-q35-10.0  Standard PC\n";
        assert_eq!(newest(list, "q35").as_deref(), Some("pc-q35-10.0"));
        assert_eq!(newest(list, "virt"), None);
    }

    #[test]
    fn a_device_without_a_processor_is_not_enough() {
        assert!(processor_helps("flags\t\t: fpu vmx sse", "x86_64"));
        assert!(processor_helps("flags: svm", "x86_64"));
        assert!(!processor_helps("flags: fpu sse\nbugs: vmx", "x86_64"));
        assert!(processor_helps("", "aarch64"));
    }

    #[test]
    fn firmware_is_taken_by_its_description() {
        let read = |features: &str| -> Description {
            let text = format!(
                r#"{{"interface-types":["uefi"],"mapping":{{"device":"flash",
                "executable":{{"filename":"/c.fd","format":"raw"}},
                "nvram-template":{{"filename":"/v.fd","format":"raw"}}}},
                "targets":[{{"architecture":"x86_64","machines":["pc-q35-*"]}}],
                "features":[{features}]}}"#
            );
            serde_json::from_str(&text).expect("a description")
        };
        assert!(read("\"acpi-s3\"").fits("x86_64", "pc-q35-10.0"));
        assert!(!read("\"requires-smm\"").fits("x86_64", "pc-q35-10.0"));
        assert!(!read("").fits("x86_64", "pc-i440fx-10.0"));
        assert!(!read("").fits("aarch64", "pc-q35-10.0"));
        let uefi = read("").uefi().expect("both files are raw");
        assert_eq!((uefi.code, uefi.template), ("/c.fd".into(), "/v.fd".into()));
    }
}
