//! `lab code NAME`: one handler in Python and in three voices, side by side, with the lines that differ marked.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Args;

use shown::{Look, shown};

mod align;
pub(crate) mod page;
mod shown;

/// One handler in Python and in the three servers, side by side; lines that differ are marked.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Code {
    /// Which handler: a name of --list
    #[arg(value_name = "NAME", required_unless_present = "list")]
    pub name: Option<String>,

    /// Every handler, with the first sentence of its file
    #[arg(long)]
    pub list: bool,

    /// Columns to lay it out in; with few, one text below the other [default: the terminal's]
    #[arg(long, value_name = "N")]
    pub width: Option<usize>,
}

const EXAMPLES: &str = "\
Examples:
  cargo lab code wait                      a wait: in Python, on a thread, on a loop, in a task
  cargo lab code github-users              several calls within one request
  cargo lab code blocking-wait             a mistake, and the server in which it is none
  cargo lab code stream --width 250 | less -S
  cargo lab code --list

A line with a bar before it is not the same in all three. Python stands in benches/peers/fastapi/article.py and
docs/src/equivalents.py; the three servers are what this binary was built from.

Exit codes: 0 shown; 2 no such handler.";

/// A handler: the same request, answered three times.
#[derive(Clone, Copy, Debug)]
pub struct Handler {
    /// The file's name, without its ending: `wait`, `pitfalls/blocking_wait`.
    pub name: &'static str,
    /// Its text in each of [`VOICES`]; a server that has no such file has none.
    pub voices: [Option<&'static str>; 3],
}

/// Who speaks, in the order of every table.
pub const VOICES: [&str; 3] = ["blocking", "actix", "axum"];

const FILES: &[(&str, [Option<&str>; 3])] = &include!(concat!(env!("OUT_DIR"), "/handlers.rs"));

/// The article's own two endpoints, and what an author of FastAPI would write for the others.
const PYTHON: [&str; 2] = [
    include_str!("../../../../benches/peers/fastapi/article.py"),
    include_str!("../../../../docs/src/equivalents.py"),
];

const FASTAPI: &str = include_str!("../../../../benches/peers/fastapi/app.py");

/// Shows it.
pub fn run(args: &Code) -> ExitCode {
    if args.list {
        print!("{}", list());
        return ExitCode::SUCCESS;
    }
    let wanted = args.name.as_deref().unwrap_or_default();
    let Some(handler) = Handler::find(wanted) else {
        let names: Vec<_> = Handler::all().map(|handler| handler.typed()).collect();
        eprintln!("lab: {wanted:?} is no handler; there are {}", names.join(", "));
        return ExitCode::from(2);
    };
    let width = args.width.unwrap_or_else(terminal_width);
    print!("{}", shown(&handler, Look { width, coloured: is_coloured() }));
    ExitCode::SUCCESS
}

impl Handler {
    /// All of them, by name.
    pub fn all() -> impl Iterator<Item = Self> {
        FILES.iter().map(|&(name, voices)| Self { name, voices })
    }

    /// By its name, with `-` or `_`, with or without the folder before it.
    pub fn find(name: &str) -> Option<Self> {
        let name = name.trim_matches('/').replace('-', "_");
        let is = |handler: &Self| handler.name == name;
        let ends = |handler: &Self| handler.name.rsplit('/').next() == Some(&name);
        Self::all().find(is).or_else(|| Self::all().find(ends))
    }

    /// By what it answers: `/wait/1`, `/files/a.txt`, `/github-users?username=a`.
    pub fn of_path(path: &str) -> Option<Self> {
        let path = path.split('?').next().unwrap_or_default().replace('-', "_");
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let named = |name: &str| Self::all().find(|handler| handler.name == name);
        match parts[..] {
            [] => named("page"),
            [one] => named(one),
            // `/offload/wait/…`, `/pitfalls/panic`, and one of several: `/files/…`.
            [first, second, ..] => named(&format!("{first}_{second}"))
                .or_else(|| named(&format!("{first}/{second}")))
                .or_else(|| named(first.strip_suffix('s')?))
                .or_else(|| named(first)),
        }
    }

    /// As a route writes it.
    pub fn typed(&self) -> String {
        self.name.replace('_', "-")
    }

    /// The function of that name in Python, with its decorator.
    pub fn python(&self) -> Option<String> {
        let function = self.name.rsplit('/').next().unwrap_or(self.name);
        PYTHON.iter().find_map(|source| cut(source, function))
    }

    /// The function of that name in the program that `lab peers fastapi` runs.
    pub fn fastapi(&self) -> Option<String> {
        cut(FASTAPI, self.name.rsplit('/').next().unwrap_or(self.name))
    }

    /// The first sentence of its file.
    pub fn says(&self) -> &'static str {
        let text = self.voices.into_iter().flatten().next().unwrap_or_default();
        let line =
            text.lines().find(|line| line.starts_with("//! ") && !line.contains("DO NOT COPY"));
        line.map_or("", |line| line.trim_start_matches("//! "))
    }
}

fn list() -> String {
    Handler::all().map(|handler| format!("{:<28}{}\n", handler.typed(), handler.says())).collect()
}

/// A function with the decorators above it, up to the next line at its margin; it may stand in another.
fn cut(source: &str, name: &str) -> Option<String> {
    let lines: Vec<&str> = source.lines().collect();
    let opens = [format!("def {name}("), format!("async def {name}(")];
    let begins = |line: &&str| opens.iter().any(|open| line.trim_start().starts_with(open));
    let at = lines.iter().position(begins)?;
    let margin = lines[at].len() - lines[at].trim_start().len();
    let moved = |line: &str| line.get(margin..).unwrap_or_default().to_owned();
    let decorates = |&line: &usize| moved(lines[line]).starts_with('@');
    let first = (0..at).rev().take_while(decorates).last().unwrap_or(at);
    let outer = " ".repeat(margin);
    let inside = |line: &&&str| {
        line.is_empty() || line.strip_prefix(&outer).is_some_and(|it| it.starts_with([' ', ')']))
    };
    let count = lines[at + 1..].iter().take_while(inside).count();
    let cut: Vec<_> = lines[first..=at + count].iter().map(|line| moved(line)).collect();
    Some(cut.join("\n").trim_end().to_owned() + "\n")
}

fn is_coloured() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// What the terminal has; where there is none, as wide as four columns want to be.
fn terminal_width() -> usize {
    rustix::termios::tcgetwinsize(std::io::stdout()).map_or(200, |size| usize::from(size.ws_col))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn every_handler_is_there_in_all_three_voices_with_a_first_sentence() {
        assert!(Handler::all().count() >= 15);
        for handler in Handler::all() {
            assert!(handler.voices.iter().all(Option::is_some), "{}", handler.name);
            assert!(!handler.says().is_empty(), "{}", handler.name);
            assert!(list().contains(handler.says()), "{}", handler.name);
        }
    }

    #[test]
    fn a_handler_is_found_as_its_route_or_its_file_is_written() {
        for name in ["github-user", "github_user", "/github-user"] {
            assert_eq!(Handler::find(name).unwrap().name, "github_user");
        }
        assert_eq!(Handler::find("blocking-wait").unwrap().name, "pitfalls/blocking_wait");
        assert_eq!(Handler::find("pitfalls/blocking-wait").unwrap().name, "pitfalls/blocking_wait");
        assert!(Handler::find("nap").is_none());
    }

    #[test]
    fn a_handler_is_found_by_what_it_answers() {
        for (path, name) in [
            ("/", "page"),
            ("/wait/0.05", "wait"),
            ("/work?wait=0.02&cpu_ms=1", "work"),
            ("/github-user/octocat", "github_user"),
            ("/github-users?username=a", "github_users"),
            ("/offload/wait/1", "offload_wait"),
            ("/slow-query/1", "slow_query"),
            ("/pitfalls/blocking-wait/1", "pitfalls/blocking_wait"),
            ("/files/a.txt", "file"),
            ("/files", "files"),
            ("/notes/7", "note"),
            ("/jobs/wait?seconds=1", "jobs"),
        ] {
            assert_eq!(Handler::of_path(path).unwrap().name, name, "{path}");
        }
        assert!(Handler::of_path("/nap/1").is_none());
    }

    #[test]
    fn every_function_of_python_is_a_handler_of_ours() {
        let mut functions = 0;
        for line in PYTHON.iter().flat_map(|source| source.lines()) {
            let Some(rest) = line.trim_start_matches("async ").strip_prefix("def ") else {
                continue;
            };
            let name = rest.split('(').next().unwrap();
            assert!(Handler::find(name).is_some(), "{name} is in Python alone");
            functions += 1;
        }
        let with_python = Handler::all().filter(|handler| handler.python().is_some()).count();
        assert_eq!(functions, with_python);
    }

    #[test]
    fn a_function_of_python_is_cut_with_its_decorator() {
        let python = Handler::find("wait").unwrap().python().unwrap();
        assert!(python.starts_with("@app.get(\"/wait/{seconds}\")\nasync def wait("), "{python}");
        assert!(python.ends_with("seconds!\"}\n"), "{python}");
        assert_eq!(
            cut("def a(\n    x,\n):\n    pass\n\n\ndef b():\n    pass\n", "a").unwrap(),
            "def a(\n    x,\n):\n    pass\n"
        );
        assert_eq!(cut("def a():\n    pass\n", "b"), None);
        let within = "def build():\n    @one\n    def a(\n        x,\n    ):\n        pass\n\n    def b():\n        pass\n";
        assert_eq!(cut(within, "a").unwrap(), "@one\ndef a(\n    x,\n):\n    pass\n");
    }

    #[test]
    fn the_examples_of_the_help_name_handlers() {
        #[derive(Parser)]
        struct Bare {
            #[command(flatten)]
            code: Code,
        }
        let mut shown = 0;
        for line in EXAMPLES.lines().filter_map(|line| line.trim().strip_prefix("cargo lab code "))
        {
            let line = line.split("  ").next().unwrap().split(" | ").next().unwrap();
            let typed = std::iter::once("lab").chain(line.split(' '));
            let code = Bare::try_parse_from(typed).unwrap().code;
            let found = code.name.as_deref().is_some_and(|name| Handler::find(name).is_some());
            assert!(code.list || found, "{line}");
            shown += 1;
        }
        assert_eq!(shown, 5);
        assert!(Bare::try_parse_from(["lab"]).is_err(), "without a name there is nothing to show");
    }
}
