//! The stories: from which state which verb is called, and what has to be so afterwards.

use std::cell::RefCell;
use std::path::PathBuf;

use crate::machine::Machine;
use crate::registry::engine_of_its_own;

/// A verb in a state that it has something to do in.
pub(super) struct Story {
    pub(super) name: &'static str,
    /// Lines of the `.env` beside those of every test.
    lines: &'static [(&'static str, &'static str)],
    before: fn(&Scene),
    call: &'static [&'static str],
    pub(super) after: After,
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
    /// Nothing but what was there before it.
    Collected,
}

/// One story's machine, and where it is at the moment.
pub(super) struct Scene {
    pub(super) machine: Machine,
    pub(super) story: &'static Story,
    /// Where the project is, while it is not where the machine's is: it is moved by `adopt`.
    at: RefCell<PathBuf>,
}

pub(super) const STORIES: &[Story] = &[
    Story {
        name: "up from nothing",
        lines: &[("PORTS", "auto:80"), ("PORT_POOL", "23400-23499")],
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
        lines: &[("PORTS", "auto:80"), ("PORT_POOL", "23500-23599")],
        before: |scene| {
            scene.runs();
            scene.env(&[("MEMORY", "600M")]);
        },
        call: &["up", "-y"],
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
        lines: &[("PORTS", "auto:80"), ("PORT_POOL", "23600-23699")],
        before: Scene::runs,
        call: &["rm", "-y"],
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
            scene.machine.inside("echo since > /root/note");
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
        lines: &[("PORTS", "auto:80"), ("PORT_POOL", "23700-23799")],
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
        for place in ["project", "moved"] {
            machine.also_at(&machine.root().join(place));
        }
        Some(Scene { machine, story, at })
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
        lines.extend_from_slice(changes);
        self.machine.env(&lines);
    }

    /// The machine runs, with a file in it.
    fn runs(&self) {
        self.machine.ok(&["up", "-y"]);
        self.machine.inside("echo kept > /root/note");
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
