//! The stories: from which state which verb is called, and what has to be so afterwards.

use std::cell::{OnceCell, RefCell};
use std::path::{Path, PathBuf};

use super::look::{self, Container};
use crate::machine::Machine;
use crate::registry::engine_of_its_own;

/// A verb in a state that it has something to do in.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) name: &'static str,
    /// Lines of the `.env` beside those of every test.
    lines: &'static [(&'static str, &'static str)],
    before: fn(&Scene),
    call: &'static [&'static str],
    pub(super) after: After,
}

impl Story {
    /// The verb that it calls.
    pub(super) fn verb(&self) -> String {
        let words = if self.call[0] == "snapshot" { 2 } else { 1 };
        self.call[..words].join(" ")
    }
}

/// What is left when the call was repeated as often as it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// A machine as the `.env` asks for it, without anything of its own inside.
    Made,
    /// A machine as the `.env` asks for it, with the files that it had.
    Kept,
    /// A machine with the files that it had, or those of its snapshot.
    KeptOrReverted,
    /// A machine with the files that it had, or with those of its image.
    KeptOrMade,
    /// Nothing but what was there before it.
    Collected,
}

/// One story's machine, and where it is at the moment.
pub(super) struct Scene {
    pub(super) machine: Machine,
    pub(super) story: &'static Story,
    /// Where the project is, while it is not where the machine's is: it is moved by `adopt`.
    at: RefCell<PathBuf>,
    /// Ports that no other scene chooses from.
    pool: String,
    /// Another project with the same state, and its container.
    neighbour: OnceCell<(PathBuf, Vec<Container>)>,
}

/// How many ports a scene has to choose from.
const POOL: u16 = 10;

pub(super) const STORIES: &[Story] = &[
    Story {
        name: "up from nothing",
        lines: &[("PORTS", "auto:80")],
        before: |scene| scene.machine.forget_image(),
        call: &["up", "-y"],
        after: After::Made,
    },
    Story {
        name: "up, image built",
        lines: &[("IMAGE", "./Containerfile")],
        before: |scene| {
            let text = "FROM scratch\nADD rootfs.tar /\nRUN [\"/bin/busybox\", \"true\"]\n";
            scene.machine.file("Containerfile", text);
            scene.machine.file(".containerignore", "*\n!rootfs.tar\n");
        },
        call: &["up", "-y"],
        after: After::Made,
    },
    Story {
        name: "up, service started",
        lines: &[],
        before: |scene| {
            scene.machine.forget_image();
            crate::podman_host::end_service(&scene.machine.root());
            let socket = scene.machine.root().join("run/vagrantp");
            let _ = std::fs::remove_dir_all(socket);
        },
        call: &["up", "-y"],
        after: After::Made,
    },
    Story {
        name: "up, replaced",
        lines: &[("PORTS", "auto:80")],
        before: |scene| {
            scene.runs();
            scene.env(&[("MEMORY", "600M")]);
        },
        call: &["up", "-y"],
        after: After::Kept,
    },
    Story {
        name: "up --recreate",
        lines: &[("PORTS", "auto:80")],
        before: Scene::runs,
        call: &["up", "--recreate"],
        after: After::KeptOrMade,
    },
    Story {
        name: "up, renamed",
        lines: &[],
        before: |scene| {
            scene.runs();
            scene.env(&[("INFRA_ID", &format!("{}-b", scene.machine.name))]);
        },
        call: &["up"],
        after: After::Kept,
    },
    Story {
        name: "up, live change",
        lines: &[],
        before: |scene| {
            scene.runs();
            let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
            let address = scene.machine.inspect(format);
            let (range, _) = address.rsplit_once('.').expect("four numbers");
            scene.env(&[("IP_ADDRESS", &format!("{range}.77"))]);
        },
        call: &["up"],
        after: After::Kept,
    },
    Story {
        name: "up, started again",
        lines: &[],
        before: |scene| {
            scene.runs();
            scene.machine.ok(&["stop", "--force"]);
        },
        call: &["up"],
        after: After::Kept,
    },
    Story { name: "stop", lines: &[], before: Scene::runs, call: &["stop"], after: After::Kept },
    Story {
        name: "restart",
        lines: &[],
        before: Scene::runs,
        call: &["restart"],
        after: After::Kept,
    },
    Story {
        name: "suspend",
        lines: &[],
        before: Scene::runs,
        call: &["suspend"],
        after: After::Kept,
    },
    Story {
        name: "resume",
        lines: &[],
        before: |scene| {
            scene.runs();
            scene.machine.ok(&["suspend"]);
        },
        call: &["resume"],
        after: After::Kept,
    },
    Story {
        name: "rm",
        lines: &[("PORTS", "auto:80")],
        before: Scene::runs,
        call: &["rm", "-y"],
        after: After::Made,
    },
    Story {
        name: "rm --force",
        lines: &[],
        before: Scene::runs,
        call: &["rm", "--force"],
        after: After::Made,
    },
    Story {
        name: "rm --all",
        lines: &[("PORTS", "auto:80")],
        before: |scene| {
            scene.has_a_neighbour();
            scene.runs();
        },
        call: &["rm", "--all", "-y"],
        after: After::Made,
    },
    Story {
        name: "snapshot create",
        lines: &[],
        before: Scene::runs,
        call: &["snapshot", "create", "kept"],
        after: After::Kept,
    },
    Story {
        name: "snapshot revert",
        lines: &[],
        before: |scene| {
            scene.runs();
            scene.machine.ok(&["snapshot", "create", "kept"]);
            scene.writes("since");
        },
        call: &["snapshot", "revert", "kept", "-y"],
        after: After::KeptOrReverted,
    },
    Story {
        name: "snapshot rm",
        lines: &[],
        before: |scene| {
            scene.runs();
            scene.machine.ok(&["snapshot", "create", "kept"]);
        },
        call: &["snapshot", "rm", "kept", "-y"],
        after: After::Kept,
    },
    Story {
        name: "adopt",
        lines: &[],
        before: |scene| {
            scene.runs();
            scene.moves();
        },
        call: &["adopt"],
        after: After::Kept,
    },
    Story {
        name: "gc",
        lines: &[("PORTS", "auto:80")],
        before: |scene| {
            scene.machine.ok(&["up", "--no-start"]);
            scene.machine.podman(&["rm", "-f", &scene.machine.name]);
        },
        call: &["gc", "-y"],
        after: After::Collected,
    },
];

impl Scene {
    /// The story's beginning; nothing where podman is not installed.
    pub(super) fn new(story: &'static Story, number: usize) -> Option<Scene> {
        let name: String = story.name.chars().filter(char::is_ascii_lowercase).collect();
        let change = |project| match story.after {
            // It takes what is left over of a whole engine.
            After::Collected => engine_of_its_own(project, &[]),
            _ => project,
        };
        let machine = Machine::made(&format!("{name}{number}"), story.lines, change)?;
        let at = RefCell::new(machine.dir().to_owned());
        let first = 23_400 + POOL * u16::try_from(number % 200).expect("below 200");
        let pool = format!("{first}-{}", first + POOL - 1);
        for place in ["project", "moved"] {
            machine.also_at(&machine.root().join(place));
        }
        let scene = Scene { machine, story, at, pool, neighbour: OnceCell::new() };
        scene.env(&[]);
        Some(scene)
    }

    /// The arguments of a call where the project is at the moment.
    pub(super) fn arguments(&self, call: &[&str]) -> Vec<String> {
        let mut arguments = Vec::new();
        let at = self.at.borrow();
        if *at != self.machine.dir() {
            arguments.extend(["-C".to_owned(), at.display().to_string()]);
        }
        arguments.extend(call.iter().map(|argument| (*argument).to_owned()));
        arguments
    }

    /// Where the project is at the moment.
    pub(super) fn at(&self) -> PathBuf {
        self.at.borrow().clone()
    }

    /// The story's own call.
    pub(super) fn call(&self) -> Vec<String> {
        self.arguments(self.story.call)
    }

    /// Brings it to where the call is made from.
    pub(super) fn begin(&self) {
        (self.story.before)(self);
    }

    /// Writes the `.env`: the story's lines, with these changed.
    fn env(&self, changes: &[(&str, &str)]) {
        let mut lines = self.story.lines.to_vec();
        lines.push(("PORT_POOL", &self.pool));
        lines.extend_from_slice(changes);
        self.machine.env(&lines);
    }

    /// The machine runs, with a file in it.
    fn runs(&self) {
        self.machine.ok(&["up", "-y"]);
        self.writes("kept");
    }

    /// The machine, which runs, gets a file.
    fn writes(&self, note: &str) {
        let containers = look::containers(self, &self.at());
        look::machine(&containers).expect("it is there").write_note(note);
    }

    /// Another project of the same state has a machine, made once.
    fn has_a_neighbour(&self) {
        self.neighbour.get_or_init(|| {
            let name = format!("{}-n", self.machine.name);
            let dir = self.machine.beside("neighbour", &[("INFRA_ID", &name)]);
            self.machine.ok(&["-C", &dir.display().to_string(), "up"]);
            let containers = look::containers(self, &dir);
            (dir, containers)
        });
    }

    /// Its directory, where there is one; it is as it was.
    pub(super) fn neighbour(&self) -> Option<&Path> {
        let (dir, containers) = self.neighbour.get()?;
        assert_eq!(look::containers(self, dir), *containers, "the neighbour is left alone");
        Some(dir)
    }

    /// The project's directory gets another name. The first stays as an empty one, since calls are
    /// made from there.
    fn moves(&self) {
        let (from, to) = (self.machine.dir().to_owned(), self.machine.root().join("moved"));
        std::fs::rename(&from, &to).expect("it can be moved");
        std::fs::create_dir(&from).expect("made");
        *self.at.borrow_mut() = to;
    }

    /// Everything is as it was before the story, whatever the trial has edited or moved.
    pub(super) fn end(&self) {
        let at = self.at.replace(self.machine.dir().to_owned());
        if at != self.machine.dir() {
            std::fs::remove_dir(self.machine.dir()).expect("it is empty");
            std::fs::rename(&at, self.machine.dir()).expect("it can be moved back");
        }
        self.env(&[]);
    }
}
