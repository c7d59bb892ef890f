//! The scenes of the page as data: what the clients ask, which mistake can be switched on, what a class is to see.

use serde::Serialize;

/// One thing to look at.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Scene {
    /// As in the page's address and in `--scene`.
    pub name: &'static str,
    /// For the list of scenes.
    pub title: &'static str,
    /// What is asked; `{n}` becomes another number each time.
    pub path: &'static str,
    /// What to look for.
    pub say: &'static str,
    /// The handler that runs, as `lab code` names it.
    pub handler: &'static str,
    /// What can be done wrong here.
    pub mistake: Option<Mistake>,
    /// Milliseconds a client rests between an answer and its next request.
    pub rest_ms: u64,
    /// `cargo lab lesson` or a chapter of the book, to read on.
    pub read: &'static str,
}

/// The same request, answered by a handler that should not be written so.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Mistake {
    /// The switch's label.
    pub title: &'static str,
    /// What is asked instead.
    pub path: &'static str,
    /// Which route will suffer? Shown once the class has guessed.
    pub answer: &'static str,
    /// The handler that runs then.
    pub handler: &'static str,
}

/// The scene of this name.
pub fn find(name: &str) -> Option<&'static Scene> {
    ALL.iter().find(|scene| scene.name == name)
}

/// All of them, in the order of the list.
pub const ALL: &[Scene] = &[
    Scene {
        name: "wait",
        title: "Each request waits half a second",
        path: "/wait/0.5",
        say: "The bars form a block: the requests wait at the same time. Add clients; the block stays.",
        handler: "wait",
        mistake: Some(Mistake {
            title: "wait with a blocking sleep",
            path: "/pitfalls/blocking-wait/0.5",
            answer: "Every route, on the two async servers: the sleep holds the worker thread, and with it everybody \
                     whom that worker serves. The thread server does the same and nobody notices: it holds one thread, \
                     whose only client waits anyway.",
            handler: "pitfalls/blocking-wait",
        }),
        rest_ms: 0,
        read: "docs/src/waiting.md",
    },
    Scene {
        name: "github",
        title: "Each request calls an upstream that takes 0.2 s",
        path: "/github-user/slow-200ms-{n}",
        say: "Waiting for another server looks the same as waiting for a clock.",
        handler: "github-user",
        mistake: None,
        rest_ms: 0,
        read: "docs/src/upstream.md",
    },
    Scene {
        name: "fan-out",
        title: "Each request makes five calls of 0.2 s, in parallel",
        path: "/github-users?username=slow-200ms-a{n}&username=slow-200ms-b{n}&username=slow-200ms-c{n}\
               &username=slow-200ms-d{n}&username=slow-200ms-e{n}",
        say: "Five calls take as long as one. Watch the threads: one server starts five more for each request.",
        handler: "github-users",
        mistake: Some(Mistake {
            title: "make the calls one after the other",
            path: "/github-users?mode=sequential&username=slow-200ms-a{n}&username=slow-200ms-b{n}\
                   &username=slow-200ms-c{n}&username=slow-200ms-d{n}&username=slow-200ms-e{n}",
            answer: "Only this one, in all three servers: each of its requests takes five times as long, and the \
                     others do not notice. Writing async does not make calls parallel.",
            handler: "github-users",
        }),
        rest_ms: 0,
        read: "docs/src/fan-out.md",
    },
    Scene {
        name: "offload",
        title: "Each request blocks a thread of the offload pool for half a second",
        path: "/offload/wait/0.5",
        say: "The pool has eight threads. The ninth client waits its turn: the block becomes a staircase of eights. \
              The innocent route does not notice.",
        handler: "offload-wait",
        mistake: None,
        rest_ms: 0,
        read: "docs/src/offload.md",
    },
    Scene {
        name: "cpu",
        title: "Each request computes for 20 ms, on the offload pool",
        path: "/work?cpu_ms=20&placement=offload",
        say: "No way of waiting makes a core faster: the throughput is the same in all three.",
        handler: "work",
        mistake: Some(Mistake {
            title: "compute in the handler",
            path: "/work?cpu_ms=20&placement=inline",
            answer: "Every route, on the two async servers: nothing interrupts a handler between two awaits, so the \
                     innocent route stands in line behind the computing. In the thread server the kernel interrupts \
                     whoever computes.",
            handler: "work",
        }),
        rest_ms: 0,
        read: "docs/src/blocked-loop.md",
    },
    Scene {
        name: "plaintext",
        title: "Nothing waits: each client asks ten times a second",
        path: "/plaintext",
        say: "The floor under every other number. The three are close together; the rest is your code.",
        handler: "plaintext",
        mistake: None,
        rest_ms: 100,
        read: "docs/src/method.md",
    },
];

/// One key of the keyboard, 1 to 9: a class, step by step.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Moment {
    /// What the teacher says.
    pub say: &'static str,
    /// A scene's name.
    pub scene: &'static str,
    /// Clients at once.
    pub clients: usize,
    /// Whether the mistake is to be offered.
    pub pitfall: bool,
}

/// The class of ten minutes.
pub const CLASS: [Moment; 9] = [
    Moment {
        say: "One client, who waits. What does a server do meanwhile?",
        scene: "wait",
        clients: 1,
        pitfall: false,
    },
    Moment {
        say: "A hundred clients. Who thinks it takes fifty seconds?",
        scene: "wait",
        clients: 100,
        pitfall: false,
    },
    Moment {
        say: "A thousand. Look at threads and memory: this is the price, and who pays it.",
        scene: "wait",
        clients: 1_000,
        pitfall: false,
    },
    Moment {
        say: "Twenty clients, and one wrong line. Which route will suffer?",
        scene: "wait",
        clients: 20,
        pitfall: true,
    },
    Moment {
        say: "The remedy for what blocks: a pool of threads, and its limit.",
        scene: "offload",
        clients: 8,
        pitfall: false,
    },
    Moment {
        say: "Twice as many clients as the pool has threads.",
        scene: "offload",
        clients: 16,
        pitfall: false,
    },
    Moment {
        say: "Computing is not waiting. Who is fastest now?",
        scene: "cpu",
        clients: 8,
        pitfall: false,
    },
    Moment { say: "And if it computes in the handler?", scene: "cpu", clients: 8, pitfall: true },
    Moment {
        say: "Five calls in one request: parallel is something you write.",
        scene: "fan-out",
        clients: 5,
        pitfall: false,
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Handler;
    use crate::live::dial::Dial;

    #[test]
    fn every_moment_of_the_class_can_be_set() {
        for moment in CLASS {
            let Moment { scene, clients, pitfall, .. } = moment;
            let dial = Dial { scene: scene.to_owned(), clients, rate: 0, pitfall };
            assert!(dial.scene().is_ok(), "{moment:?}");
        }
    }

    #[test]
    fn every_scene_says_where_to_read_on() {
        let book = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for scene in ALL {
            assert!(book.join(scene.read).is_file(), "{}: {}", scene.name, scene.read);
        }
    }

    #[test]
    fn every_handler_is_there_to_be_shown() {
        for scene in ALL {
            for name in [scene.handler].into_iter().chain(scene.mistake.map(|it| it.handler)) {
                let handler = Handler::find(name).unwrap_or_else(|| panic!("{name}"));
                assert!(handler.fastapi().is_some_and(|code| code.contains("async def")), "{name}");
            }
        }
    }
}
