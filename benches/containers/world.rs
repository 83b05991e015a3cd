//! Where the measuring is done: projects, a Podman service, an image; and the end of all of it.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::measure::run;
use crate::options::Options;

/// The image that podman's own command line runs: the same files as vagrantp's.
pub(crate) const IMAGE: &str = "localhost/vpbench:latest";
/// In the environment of every vagrantp that is started here, and so of what it starts.
const MARK: &str = "XDG_STATE_HOME";

/// Which Podman service vagrantp finds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// One that answers.
    Answering,
    /// None: it has to start one.
    None,
}

/// All that has to be there, and to be gone afterwards.
pub(crate) struct World {
    vagrantp: PathBuf,
    folder: PathBuf,
    socket: PathBuf,
    service: Child,
}

impl World {
    /// Clears what a killed run left behind, and sets everything up.
    pub(crate) fn make(options: &Options) -> Result<World, String> {
        let said = |error: std::io::Error| error.to_string();
        let folder = options.folder.clone();
        // A socket's path has 107 bytes, which the folder of a build can exceed.
        let socket = std::env::temp_dir().join(format!("vpbench-{}.sock", std::process::id()));
        let leftovers = projects(&folder);
        fs::create_dir_all(&folder).map_err(said)?;
        let service = Command::new("podman")
            .args(["system", "service", "--time", "0"])
            .arg(format!("unix://{}", socket.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("podman: {error}"))?;
        let world = World {
            vagrantp: options.vagrantp.canonicalize().map_err(said)?,
            folder,
            socket,
            service,
        };
        world.wait_for_service()?;
        for project in &leftovers {
            world.remove(project);
        }
        clear_podman();
        let _ = fs::remove_dir_all(world.folder.join("state"));
        run(Command::new("podman").args(["import", "--quiet"]).arg(&options.image).arg(IMAGE))?;
        Ok(world)
    }

    fn wait_for_service(&self) -> Result<(), String> {
        for _ in 0..100 {
            if UnixStream::connect(&self.socket).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err("podman's service does not answer".to_owned())
    }

    /// A project with that name, and its instance not made.
    pub(crate) fn project(&self, name: &str, image: &Path) -> Result<PathBuf, String> {
        let project = self.folder.join("projects").join(name);
        let text = format!(
            "INFRA_TYPE=container\nINFRA_ID={name}\nIMAGE={}\nMEMORY=512M\nCPUS=1\n",
            image.display()
        );
        fs::create_dir_all(&project).map_err(|error| error.to_string())?;
        fs::write(project.join(".env"), text).map_err(|error| error.to_string())?;
        Ok(project)
    }

    /// The name of the container that a project has.
    pub(crate) fn container(project: &Path) -> String {
        project.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// vagrantp in a project, with records of its own.
    pub(crate) fn vagrantp(&self, project: &Path, service: Service, args: &[&str]) -> Command {
        let mut command = Command::new(&self.vagrantp);
        self.prepare(&mut command, project, service).args(args);
        command
    }

    /// The same, with its peak of memory written to a file.
    pub(crate) fn peak(&self, project: &Path, args: &[&str]) -> (Command, PathBuf) {
        let file = self.folder.join("peak");
        let mut command = Command::new("/usr/bin/time");
        command.args(["--format", "%M", "--output"]).arg(&file).arg(&self.vagrantp);
        self.prepare(&mut command, project, Service::Answering).args(args);
        (command, file)
    }

    fn prepare<'a>(
        &self,
        command: &'a mut Command,
        project: &Path,
        service: Service,
    ) -> &'a mut Command {
        command
            .arg("-C")
            .arg(project)
            .env(MARK, self.state())
            .env_remove("DOCKER_HOST")
            .stdin(Stdio::null());
        if rustix::process::getuid().is_root() {
            // A service that the caller's own vagrantp started must not answer here. A user's Podman
            // has its state there, which both sides have to share.
            command.env("XDG_RUNTIME_DIR", self.folder.join("run"));
        }
        match service {
            Service::Answering => {
                command.env("CONTAINER_HOST", format!("unix://{}", self.socket.display()))
            }
            Service::None => command.env_remove("CONTAINER_HOST"),
        }
    }

    /// `$XDG_STATE_HOME` of every vagrantp here.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// A file of 1 GiB that takes no room.
    pub(crate) fn big_file(&self) -> Result<PathBuf, String> {
        let path = self.folder.join("big");
        let file = fs::File::create(&path).map_err(|error| error.to_string())?;
        file.set_len(1 << 30).map_err(|error| error.to_string())?;
        Ok(path)
    }

    /// Removes a project's instance; a failure shows in what is left.
    pub(crate) fn remove(&self, project: &Path) {
        let _ = run(&mut self.vagrantp(project, Service::Answering, &["rm", "--force"]));
    }

    /// Makes sure that no service answers where vagrantp would look, so that the next call starts
    /// one: those that it started are ended, and any other is somebody's.
    pub(crate) fn without_service(&self) -> Result<(), String> {
        let uid = rustix::process::getuid();
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let runtime = runtime.unwrap_or_else(|| format!("/run/user/{}", uid.as_raw()).into());
        let sockets = if uid.is_root() {
            vec![PathBuf::from("/run/podman/podman.sock")]
        } else {
            vec![runtime.join("podman/podman.sock"), runtime.join("vagrantp/podman.sock")]
        };
        if self.end_services()? == 0
            && let Some(socket) = sockets.iter().find(|path| UnixStream::connect(path).is_ok())
        {
            return Err(format!("a service that is not ours answers at {}", socket.display()));
        }
        Ok(())
    }

    /// Ends the services that vagrantp started here, known by their environment;
    /// answers with how many there were.
    pub(crate) fn end_services(&self) -> Result<usize, String> {
        let mark = format!("{MARK}={}", self.state().display());
        let marked: Vec<PathBuf> = fs::read_dir("/proc")
            .map_err(|error| error.to_string())?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|process| {
                let words = |file: &str| fs::read(process.join(file)).unwrap_or_default();
                let has = |bytes: &[u8], word: &str| {
                    bytes.split(|&byte| byte == 0).any(|part| part == word.as_bytes())
                };
                has(&words("environ"), &mark) && has(&words("cmdline"), "service")
            })
            .collect();
        for process in &marked {
            let pid = process.file_name().unwrap_or_default();
            run(Command::new("kill").arg(pid))?;
        }
        for _ in 0..200 {
            if !marked.iter().any(|process| is_running(process)) {
                return Ok(marked.len());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err("the service that vagrantp started does not end".to_owned())
    }
}

/// A zombie is not running: on a host without an init nobody reaps it.
fn is_running(process: &Path) -> bool {
    fs::read_to_string(process.join("stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().starts_with(" Z"))
}

fn projects(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder.join("projects"))
        .map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
        .unwrap_or_default()
}

/// Removes what podman's command line made here.
fn clear_podman() {
    let podman = |args: &[&str]| run(Command::new("podman").args(args));
    let label = "label=vagrantp.bench=1";
    for (list, remove) in [
        (&["ps", "--all", "--quiet", "--filter", label][..], &["rm", "--force"][..]),
        (&["network", "ls", "--quiet", "--filter", label], &["network", "rm", "--force"]),
    ] {
        let Ok(output) = podman(list) else { continue };
        for name in String::from_utf8_lossy(&output.stdout).lines() {
            let _ = podman(&[remove, &[name]].concat());
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for project in projects(&self.folder) {
            self.remove(&project);
        }
        clear_podman();
        let _ = run(Command::new("podman").args(["rmi", "--force", IMAGE]));
        let _ = self.end_services();
        // Asked, not killed: it has conmons to hand over.
        let _ = run(Command::new("kill").arg(self.service.id().to_string()));
        let _ = self.service.wait();
        let _ = fs::remove_file(&self.socket);
        let _ = fs::remove_dir_all(&self.folder);
    }
}
