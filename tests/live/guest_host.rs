//! The small guest under a QEMU of the test's own, without any room: what `src/guest/` makes is put
//! together by hand. Nothing is left of it when the value goes.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use tempfile::TempDir;
use vagrantp::event::{Event, Listener};
use vagrantp::exec::Program;
use vagrantp::guest::disk::{self, Format, Tool};
use vagrantp::guest::error::BootError;
use vagrantp::guest::keys::{self, KeyPair};
use vagrantp::guest::readiness::{self, Machine, Ready, Until, Wait};
use vagrantp::guest::seed::{self, Addressing, Seed};
use vagrantp::guest::ssh::{self, Access, Purpose};

const GIB: u64 = 1 << 30;
const MAC: &str = "52:54:00:12:34:56";

/// A variable of the tests' own surroundings.
pub(crate) fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a test is told by variables what it may use")]
    std::env::var(name).ok()
}

/// What a test needs of this host; nothing, with the reason told, where it lacks something. With
/// VAGRANTP_REQUIRE_QEMU that is a failure.
pub(crate) fn tools() -> Option<Tools> {
    let lacks = |what: &str| {
        assert!(variable("VAGRANTP_REQUIRE_QEMU").is_none(), "{what}");
        let _ = writeln!(std::io::stderr(), "skipped: {what}");
        None
    };
    let path = variable("PATH");
    let Ok(qemu) = Program::find("qemu-system-x86_64", path.as_deref()) else {
        return lacks("qemu-system-x86_64 is not installed");
    };
    let Ok(tool) = Tool::find(path.as_deref()) else { return lacks("qemu-img is not installed") };
    let Ok(ssh) = Program::find("ssh", path.as_deref()) else {
        return lacks("ssh is not installed");
    };
    let images = variable("VAGRANTP_TEST_IMAGES").map(PathBuf::from);
    match images.filter(|images| images.join("small.vmlinuz").exists()) {
        Some(images) => Some(Tools { qemu, tool, ssh, images }),
        None => lacks("there is no small guest (scripts/test-guests.sh, VAGRANTP_TEST_IMAGES)"),
    }
}

/// The programs and the guests.
pub(crate) struct Tools {
    qemu: Program,
    pub(crate) tool: Tool,
    ssh: Program,
    pub(crate) images: PathBuf,
}

/// Which guest, and what is to go wrong in it.
pub(crate) struct Asked<'a> {
    pub(crate) guest: &'a str,
    pub(crate) user: &'a str,
    pub(crate) append: &'a str,
    pub(crate) additions: Option<&'a str>,
    pub(crate) memory: u32,
}

impl Default for Asked<'_> {
    fn default() -> Self {
        Asked { guest: "small", user: "ada", append: "", additions: None, memory: 384 }
    }
}

/// A guest that was started.
pub(crate) struct Guest {
    dir: TempDir,
    process: Mutex<Child>,
    port: u16,
    ssh: Program,
    pub(crate) access: Access,
    pub(crate) own_key: KeyPair,
    /// What was told while it was waited for.
    pub(crate) heard: Mutex<Vec<String>>,
}

impl Guest {
    /// Makes disk, seed and keys, and starts it; with its disk on the image, which nobody writes to.
    pub(crate) async fn start(tools: &Tools, asked: &Asked<'_>) -> Guest {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let at = |name: &str| dir.path().join(name);
        let host_key = keys::keep(&at("host_key"), "guest").expect("a host key");
        let own_key = keys::keep(&at("key"), "vagrantp").expect("a key to log in with");
        let seed = Seed {
            instance_id: "test-1".to_owned(),
            hostname: "small-guest".to_owned(),
            user: asked.user.to_owned(),
            authorized_keys: vec![own_key.public.clone()],
            host_key: host_key.clone(),
            mac: MAC.to_owned(),
            addressing: Addressing::Dhcp { dns: Vec::new() },
            mounts: Vec::new(),
            additions: asked.additions.map(str::to_owned),
        };
        seed::write(&at("seed.img"), &seed).expect("a seed");
        let image = tools.images.join(format!("{}.qcow2", asked.guest));
        let wanted = disk::Wanted { disk_size: 5 * GIB, architecture: "x86_64" };
        let examined = disk::examine(&tools.tool, &image, wanted).await.expect("it is taken");
        assert_eq!(examined.format, Format::Qcow2);
        disk::examine_kernel(&tools.images.join(format!("{}.vmlinuz", asked.guest)), "x86_64")
            .expect("a kernel for PCs");
        disk::create_overlay(&tools.tool, &at("disk.qcow2"), &image, examined.format, 5 * GIB)
            .await
            .expect("a disk");
        let port =
            TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it").port();
        std::fs::write(at("known_hosts"), ssh::known_hosts_line("guest-test", &host_key.public))
            .expect("written");
        let process = Mutex::new(boot(tools, asked, dir.path(), port));
        let access = Access {
            host: "127.0.0.1".parse().expect("an address"),
            port,
            user: asked.user.to_owned(),
            known_hosts: at("known_hosts"),
            alias: "guest-test".to_owned(),
            identity: Some(at("key")),
            timeout: 20,
        };
        let heard = Mutex::default();
        Guest { dir, process, port, ssh: tools.ssh.clone(), access, own_key, heard }
    }

    /// Starts it once more, with the disk that it has.
    pub(crate) fn start_again(&self, tools: &Tools, asked: &Asked<'_>) {
        let mut process = self.process.lock().expect("no test panicked with it");
        let _ = process.kill();
        let _ = process.wait();
        std::fs::remove_file(self.console()).expect("its console was written");
        *process = boot(tools, asked, self.dir.path(), self.port);
    }

    pub(crate) fn console(&self) -> PathBuf {
        self.dir.path().join("console.log")
    }

    pub(crate) async fn wait(&self, seconds: u64) -> Result<Ready, BootError> {
        self.wait_as(self.access.clone(), seconds).await
    }

    pub(crate) async fn wait_as(&self, access: Access, seconds: u64) -> Result<Ready, BootError> {
        let wait = Wait {
            name: "small-guest".to_owned(),
            until: Until::Ssh,
            timeout: Duration::from_secs(seconds),
            access,
            ssh: self.ssh.clone(),
            console: Some((self.console(), 0)),
        };
        readiness::wait(self, &wait, self).await
    }

    /// What a command says inside.
    pub(crate) async fn inside(&self, command: &str) -> String {
        let mut arguments = ssh::arguments(&self.access, Purpose::Probe);
        arguments.push(command.into());
        let output = self.ssh.run(&arguments).await.unwrap_or_else(|error| panic!("{error}"));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Presses its power button, and waits until it has gone.
    pub(crate) fn power_off(&self) {
        let socket = UnixStream::connect(self.dir.path().join("qmp")).expect("QEMU listens");
        let mut reader = BufReader::new(socket.try_clone().expect("one more"));
        let mut line = String::new();
        reader.read_line(&mut line).expect("a greeting");
        for command in ["qmp_capabilities", "system_powerdown"] {
            writeln!(&socket, "{{\"execute\": \"{command}\"}}").expect("it is told");
            reader.read_line(&mut line).expect("an answer");
        }
        assert!(!line.contains("error"), "{line}");
        for _ in 0..600 {
            if self.process.lock().expect("no panic").try_wait().expect("a status").is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("it does not go: {:?}", readiness::last_lines(&self.console(), 20));
    }
}

fn boot(tools: &Tools, asked: &Asked<'_>, dir: &Path, port: u16) -> Child {
    #[expect(clippy::disallowed_methods, reason = "a test runs what it tests against")]
    let mut command = std::process::Command::new(tools.qemu.path());
    // A comma in a path is two for QEMU.
    let path = |name: &str| dir.join(name).display().to_string().replace(',', ",,");
    let drive = |name: &str, format: &str| {
        format!("if=virtio,cache=unsafe,format={format},file={}", path(name))
    };
    // A device for KVM may be there and of no use: where machines run in machines.
    let accelerator = if variable("VAGRANTP_TEST_KVM").is_some() { "kvm" } else { "tcg" };
    command
        .args(["-machine", &format!("q35,accel={accelerator}"), "-cpu", "max", "-smp", "1"])
        .args(["-m", &asked.memory.to_string(), "-display", "none", "-nodefaults", "-no-reboot"])
        .args(["-serial", &format!("file:{}", path("console.log"))])
        .args(["-qmp", &format!("unix:{},server=on,wait=off", path("qmp"))])
        .args(["-drive", &drive("disk.qcow2", "qcow2")])
        .args(["-drive", &format!("{},readonly=on", drive("seed.img", "raw"))])
        .args(["-netdev", &format!("user,id=n0,hostfwd=tcp:127.0.0.1:{port}-:22")])
        .args(["-device", &format!("virtio-net-pci,netdev=n0,mac={MAC},romfile=")])
        .args(["-device", "virtio-rng-pci"]);
    let file = |end: &str| tools.images.join(format!("{}.{end}", asked.guest));
    let root = if asked.guest == "small" { "" } else { "root=/dev/vda ro net.ifnames=0" };
    command.arg("-kernel").arg(file("vmlinuz")).arg("-initrd").arg(file("initrd"));
    command.args(["-append", &format!("console=ttyS0 quiet {root} {}", asked.append)]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
    command.spawn().expect("QEMU starts")
}

#[async_trait]
impl Machine for Guest {
    async fn is_alive(&self) -> bool {
        matches!(self.process.lock().expect("no panic").try_wait(), Ok(None))
    }

    async fn address(&self) -> Option<SocketAddr> {
        Some(SocketAddr::from(([127, 0, 0, 1], self.port)))
    }
}

impl Listener for Guest {
    fn hear(&self, event: &Event) {
        if let Event::Progress { says, .. } | Event::Warning { message: says } = event {
            self.heard.lock().expect("no panic").push(says.clone());
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let process = self.process.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = process.kill();
        let _ = process.wait();
        if std::thread::panicking() {
            let lines = readiness::last_lines(&self.console(), 30).join("\n");
            let _ = writeln!(std::io::stderr(), "its console:\n{lines}");
        }
    }
}
