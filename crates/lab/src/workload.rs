//! A user's own workload: a small TOML file, or one route, as a question like any other.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use load::{Ask, Asks, Body, Expect};
use serde::Deserialize;
use toml::Spanned;

use crate::question::Question;
use crate::results::Kind;
use crate::scenarios::{Scenario, Shape};

/// What a service is asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workload {
    /// As every output names it.
    pub name: String,
    /// The mix.
    pub requests: Vec<Request>,
    /// Levels of a closed loop; of an open one, the most that may be busy at once.
    pub clients: Vec<usize>,
    /// Requests a second, of an open loop.
    pub rate: Option<f64>,
    /// What a client waits between an answer and its next request.
    pub think: Duration,
    /// What `lab choose` is asked.
    pub service: Service,
}

/// One kind of request in the mix.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    method: String,
    /// `{name}` is a name of the upstream, another each time.
    route: String,
    weight: u32,
    upstream: Duration,
    fields: BTreeMap<String, String>,
    body: Arc<[u8]>,
    status: Option<u16>,
    contains: Option<String>,
    /// What it waits for, and what it computes, by its own meaning.
    pub wait: Duration,
    /// See `wait`.
    pub cpu: Duration,
    /// Whether the wait holds a place of the pool.
    pub pooled: bool,
}

/// What is wanted of a service, and what it has; as the file and the flags of `lab choose` say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Requests a second.
    pub rate: Option<f64>,
    /// Requests in flight, where that is known instead.
    pub in_flight: Option<u64>,
    /// What a request waits for others.
    pub wait_ms: Option<f64>,
    /// What a request computes.
    pub cpu_ms: Option<f64>,
    /// Memory the process may have.
    pub memory_mb: Option<f64>,
    /// Cores the process has.
    pub cores: Option<usize>,
    /// Ninety-nine of a hundred requests are to be answered within this.
    pub p99_ms: Option<f64>,
    /// Places of the pool that the wait holds: database connections, permits.
    pub pool: Option<u64>,
    /// Connections that are open and ask nothing.
    pub long_lived: Option<u64>,
}

/// The file, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Option<Spanned<String>>,
    clients: Option<Spanned<Vec<usize>>>,
    rate: Option<Spanned<f64>>,
    #[serde(default)]
    think_ms: Option<Spanned<f64>>,
    #[serde(default)]
    request: Vec<Spanned<Asked>>,
    #[serde(default)]
    service: Option<Spanned<Service>>,
}

/// `[[request]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    route: Spanned<String>,
    method: Option<String>,
    weight: Option<u32>,
    upstream_ms: Option<f64>,
    #[serde(default)]
    fields: BTreeMap<String, String>,
    body: Option<String>,
    body_bytes: Option<usize>,
    status: Option<u16>,
    contains: Option<String>,
    wait_ms: Option<f64>,
    cpu_ms: Option<f64>,
    pool: Option<bool>,
}

/// The largest body that `body_bytes` may ask for.
const MOST_BODY: usize = 64 << 20;
/// Fields that the generator writes itself.
const OWN_FIELDS: [&str; 4] = ["Host", "Content-Length", "Connection", "Transfer-Encoding"];
/// The longest time in a file: an hour.
const MOST_MS: f64 = 3_600_000.0;

impl Workload {
    /// Reads a file.
    ///
    /// # Errors
    /// With the line, when it is no workload.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("mine");
        Self::parse(&text, stem).map_err(|error| anyhow!("{}: {error:#}", path.display()))
    }

    /// One route, asked again and again.
    ///
    /// # Errors
    /// When it is no route.
    pub fn of_route(route: &str) -> anyhow::Result<Self> {
        let asked = Asked {
            route: Spanned::new(0..0, route.to_owned()),
            method: None,
            weight: None,
            upstream_ms: None,
            fields: BTreeMap::new(),
            body: None,
            body_bytes: None,
            status: None,
            contains: None,
            wait_ms: None,
            cpu_ms: None,
            pool: None,
        };
        let requests = vec![Request::of(&asked)?];
        Ok(Self { name: "route".into(), requests, clients: vec![64], ..Self::default() })
    }

    /// Reads a text; `name` is its name where it has none of its own.
    fn parse(text: &str, name: &str) -> anyhow::Result<Self> {
        let at = |span: Range<usize>| 1 + text[..span.start.min(text.len())].matches('\n').count();
        let file: File = toml::from_str(text).map_err(|error| match error.span() {
            Some(span) => anyhow!("line {}: {}", at(span), error.message()),
            None => anyhow!("{}", error.message()),
        })?;
        let within = |value: &Spanned<f64>, what: &str, range: Range<f64>| {
            let (line, found) = (at(value.span()), value.get_ref());
            let (least, most) = (range.start, range.end);
            ensure!(
                range.contains(found),
                "line {line}: {what} = {found} is not within {least} to {most}"
            );
            Ok(*found)
        };
        let name = file.name.as_ref().map_or(name, |name| name.get_ref());
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let line = file.name.as_ref().map_or(1, |name| at(name.span()));
        ensure!(
            !name.is_empty() && name.chars().all(plain),
            "line {line}: the name {name:?} is to be of letters, digits and -"
        );
        let rate = file.rate.as_ref().map(|rate| within(rate, "rate", 0.1..1e6)).transpose()?;
        let think =
            file.think_ms.as_ref().map(|ms| within(ms, "think_ms", 0.0..MOST_MS)).transpose()?;
        let clients = file.clients.as_ref().map_or(vec![64], |clients| clients.get_ref().clone());
        let line = file.clients.as_ref().map_or(1, |clients| at(clients.span()));
        ensure!(
            !clients.is_empty() && clients.iter().all(|&count| (1..=100_000).contains(&count)),
            "line {line}: clients are levels from 1 to 100,000"
        );
        ensure!(
            rate.is_none() || clients.len() == 1,
            "line {line}: with a rate, one level says how many may be busy at once"
        );
        let service = match &file.service {
            Some(service) => {
                let line = at(service.span());
                service
                    .get_ref()
                    .check()
                    .map_err(|error| anyhow!("line {line}: [service]: {error}"))?;
                *service.get_ref()
            }
            None => Service::default(),
        };
        let mut requests = Vec::new();
        for asked in &file.request {
            let line = at(asked.get_ref().route.span());
            requests.push(
                Request::of(asked.get_ref()).map_err(|error| anyhow!("line {line}: {error}"))?,
            );
        }
        if requests.is_empty() {
            ensure!(
                service.wait_ms.is_some() || service.cpu_ms.is_some(),
                "it asks nothing: give a [[request]] with a route, or wait_ms and cpu_ms of a [service]"
            );
            requests.push(service.emulated()?);
        }
        let weights: u64 = requests.iter().map(|request| u64::from(request.weight)).sum();
        ensure!(weights > 0, "every request has the weight 0");
        let think = Duration::from_secs_f64(think.unwrap_or(0.0) / 1e3);
        Ok(Self { name: name.to_owned(), requests, clients, rate, think, service })
    }

    /// The mix as the generator takes it; `tag` keeps its names different from those of other cells.
    pub fn asks(&self, tag: &str) -> Asks {
        Asks::mix(
            self.requests
                .iter()
                .enumerate()
                .map(|(at, request)| request.ask(&format!("{tag}-{at}"))),
        )
    }

    /// A quantity of the mix, on average over its requests.
    pub fn mean(&self, of: impl Fn(&Request) -> f64) -> f64 {
        let weights: f64 = self.requests.iter().map(|request| f64::from(request.weight)).sum();
        self.requests.iter().map(|request| of(request) * f64::from(request.weight)).sum::<f64>()
            / weights
    }

    /// What a request waits for and computes, on average, by its own meaning.
    pub fn least(&self) -> Duration {
        Duration::from_secs_f64(self.mean(|request| (request.wait + request.cpu).as_secs_f64()))
    }

    /// What a request waits for and computes on average, unless some of it holds a pool.
    pub fn shape(&self) -> Option<(Duration, Duration)> {
        let time = |of: fn(&Request) -> Duration| {
            Duration::from_secs_f64(self.mean(|request| of(request).as_secs_f64()))
        };
        let pooled = self.requests.iter().any(|request| request.pooled);
        (!pooled).then(|| (time(|request| request.wait), time(|request| request.cpu)))
    }

    /// In a line: `GET /a (8) · POST /b (1)`.
    pub fn shown(&self) -> String {
        let one = |request: &Request| {
            let Request { method, route, weight, .. } = request;
            if self.requests.len() == 1 {
                format!("{method} {route}")
            } else {
                format!("{method} {route} ({weight})")
            }
        };
        self.requests.iter().map(one).collect::<Vec<_>>().join(" · ")
    }

    /// The same as a scenario. It lasts as long as the process, as the built-in ones do.
    pub fn scenario(self) -> Scenario {
        let workload: &'static Self = Box::leak(Box::new(self));
        let flags: Vec<&'static str> = workload
            .service
            .pool
            .map(|pool| -> &'static str {
                Box::leak(format!("--offload-threads={pool}").into_boxed_str())
            })
            .into_iter()
            .collect();
        let kind = if workload.rate.is_some() { Kind::Open } else { Kind::Closed };
        let shape = Shape {
            kind,
            think: workload.think,
            rate: workload.rate,
            ..Shape::new(Question::Mix(workload), &workload.clients, &workload.clients)
        };
        Scenario {
            name: &workload.name,
            title: Box::leak(workload.shown().into_boxed_str()),
            claims: &[],
            flags: flags.leak(),
            shapes: vec![shape],
        }
    }
}

impl Service {
    /// Whether it can be meant.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> anyhow::Result<()> {
        let times = [("wait_ms", self.wait_ms), ("cpu_ms", self.cpu_ms), ("p99_ms", self.p99_ms)];
        for (name, value) in times {
            ensure!(
                value.is_none_or(|ms| (0.0..=MOST_MS).contains(&ms)),
                "{name} is to be from 0 to {MOST_MS} ms"
            );
        }
        ensure!(
            self.rate.is_none_or(|rate| (0.0..=1e9).contains(&rate)),
            "rate is to be from 0 to 1e9 a second"
        );
        ensure!(
            self.memory_mb.is_none_or(|mb| mb > 0.0 && mb.is_finite()),
            "memory_mb is to be more than 0"
        );
        ensure!(
            self.cores.is_none_or(|cores| (1..=4096).contains(&cores)),
            "cores is to be from 1 to 4096"
        );
        ensure!(self.pool.is_none_or(|pool| pool > 0), "a pool of 0 serves nobody");
        ensure!(
            self.rate.is_none() || self.in_flight.is_none(),
            "rate and in_flight say the same: give one of them"
        );
        Ok(())
    }

    /// A request of that shape, for `/work` or, where the wait holds a pool, `/offload/wait`.
    fn emulated(&self) -> anyhow::Result<Request> {
        let wait = self.wait_ms.unwrap_or(0.0) / 1e3;
        let cpu_ms = self.cpu_ms.unwrap_or(0.0);
        let route = match self.pool {
            Some(_) if cpu_ms == 0.0 => format!("/offload/wait/{wait}"),
            _ => format!("/work?wait={wait}&cpu_ms={cpu_ms}"),
        };
        let of_route = Workload::of_route(&route)?.requests.remove(0);
        Ok(Request { pooled: self.pool.is_some(), ..of_route })
    }
}

impl Request {
    fn of(asked: &Asked) -> anyhow::Result<Self> {
        let route = asked.route.get_ref().clone();
        ensure!(route.starts_with('/'), "the route {route:?} does not begin with /");
        ensure!(
            route.bytes().all(|byte| byte.is_ascii_graphic()),
            "the route {route:?} holds what no request target may"
        );
        let upstream = ms("upstream_ms", asked.upstream_ms)?;
        let named = route.contains("{name}");
        ensure!(
            named || upstream.is_zero(),
            "upstream_ms is how long the name of `{{name}}` takes; {route} has none"
        );
        let own = meaning(&route, upstream);
        let body: Arc<[u8]> = match (&asked.body, asked.body_bytes) {
            (Some(_), Some(_)) => {
                anyhow::bail!("body and body_bytes say the same: give one of them")
            }
            (Some(text), None) => text.as_bytes().into(),
            (None, Some(count)) => {
                ensure!(count <= MOST_BODY, "a body of {count} bytes is more than {MOST_BODY}");
                vec![b'x'; count].into()
            }
            (None, None) => Arc::default(),
        };
        let method = asked.method.clone().unwrap_or_else(|| "GET".into());
        ensure!(
            !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase()),
            "the method {method:?} is to be in capitals"
        );
        for (name, value) in &asked.fields {
            let token =
                |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            ensure!(
                !name.is_empty() && name.bytes().all(token),
                "{name:?} is no name of a field in a head"
            );
            ensure!(
                !OWN_FIELDS.iter().any(|own| own.eq_ignore_ascii_case(name)),
                "the field {name} is written by the generator"
            );
            ensure!(
                value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')),
                "the value of {name} holds what no field may"
            );
        }
        ensure!(
            asked.status.is_none_or(|status| (200..600).contains(&status)),
            "a status is from 200 to 599"
        );
        let given =
            |name, value: Option<f64>, own| value.map_or(Ok(own), |value| ms(name, Some(value)));
        Ok(Self {
            wait: given("wait_ms", asked.wait_ms, own.0)?,
            cpu: given("cpu_ms", asked.cpu_ms, own.1)?,
            pooled: asked.pool.unwrap_or(own.2),
            method,
            route,
            weight: asked.weight.unwrap_or(1),
            upstream,
            fields: asked.fields.clone(),
            body,
            status: asked.status,
            contains: asked.contains.clone(),
        })
    }

    fn ask(&self, tag: &str) -> Ask {
        let mut path = String::new();
        let mut pieces = self.route.split("{name}");
        path += pieces.next().unwrap_or_default();
        for (at, piece) in pieces.enumerate() {
            path += &format!("slow-{}ms-{tag}n{{n}}-{at}{piece}", self.upstream.as_millis());
        }
        let expect = self
            .contains
            .as_ref()
            .map_or_else(Expect::default, |part| Expect::body(Body::Contains(part.clone())));
        let expect = match self.status {
            Some(status) => expect.status([status]),
            None => expect,
        };
        let ask = Ask::new(&self.method, path).body(Arc::clone(&self.body));
        let ask = self.fields.iter().fold(ask, |ask, (name, value)| ask.field(name, value));
        ask.expect(expect).weight(self.weight)
    }
}

/// What a route of ours waits for, computes, and whether the wait holds the pool.
fn meaning(route: &str, upstream: Duration) -> (Duration, Duration, bool) {
    let (path, query) = route.split_once('?').unwrap_or((route, ""));
    let number =
        |text: &str| text.parse::<f64>().ok().filter(|number| (0.0..=MOST_MS).contains(number));
    let seconds = |text: &str| number(text).map_or(Duration::ZERO, Duration::from_secs_f64);
    let field =
        |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let after = |prefix: &str| path.strip_prefix(prefix).map(seconds);
    if let Some(wait) = after("/offload/wait/") {
        return (wait, Duration::ZERO, true);
    }
    if let Some(wait) = after("/wait/").or_else(|| after("/slow-query/")) {
        return (wait, Duration::ZERO, path.starts_with("/slow-query/"));
    }
    if path == "/work" {
        let wait = field("wait").map_or(Duration::ZERO, seconds);
        return (wait, field("cpu_ms").map_or(Duration::ZERO, seconds) / 1_000, false);
    }
    let calls = route.matches("{name}").count() as u32;
    let in_turn = field("mode") == Some("sequential");
    (if in_turn { upstream * calls } else { upstream }, Duration::ZERO, false)
}

fn ms(name: &str, value: Option<f64>) -> anyhow::Result<Duration> {
    let value = value.unwrap_or(0.0);
    ensure!((0.0..=MOST_MS).contains(&value), "{name} = {value} is not within 0 to {MOST_MS}");
    Ok(Duration::from_secs_f64(value / 1e3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        format!("{:#}", Workload::parse(text, "mine").unwrap_err())
    }

    #[test]
    fn the_example_in_the_book_is_a_workload() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/examples/shop.toml");
        let shop = Workload::read(&path).unwrap();
        assert_eq!((shop.name.as_str(), shop.requests.len()), ("shop", 3));
        assert_eq!(shop.least(), Duration::from_micros(20_000 * 8 / 10 + 300 * 8 / 10 + 8_000));
        assert_eq!(shop.service.cores, Some(2));
        let scenario = shop.scenario();
        assert_eq!(scenario.shapes[0].levels, [50, 200]);
        assert!(scenario.title.contains("POST /echo (1)"), "{}", scenario.title);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let wrong = [
            ("[[request]]\nroute = \"/a\"\nwieght = 2\n", "line 3", "wieght"),
            ("name = \"x\"\n[[request]]\nroute = \"a\"\n", "line 3", "does not begin with /"),
            ("[[request]]\nroute = \"/a\"\nupstream_ms = 5\n", "line 2", "{name}"),
            ("think_ms = -1\n[[request]]\nroute = \"/a\"\n", "line 1", "think_ms"),
            ("\nclients = [0]\n[[request]]\nroute = \"/a\"\n", "line 2", "from 1 to"),
            ("[[request]]\nroute = \"/a b\"\n", "line 2", "request target"),
            (
                "[[request]]\nroute = \"/a\"\nbody = \"x\"\nbody_bytes = 2\n",
                "line 2",
                "one of them",
            ),
            ("[service]\npool = 0\nwait_ms = 1\n", "line 1", "pool of 0"),
            ("[service]\nrate = 1\nin_flight = 2\nwait_ms = 1\n", "line 1", "one of them"),
            ("clients = 5\n[[request]]\nroute = \"/a\"\n", "line 1", "sequence"),
            ("name = \"x\"\n", "asks nothing", "[[request]]"),
            ("[[request]]\nroute = \"/a\"\nfields = { \"X y\" = \"z\" }\n", "line 2", "no name"),
            ("[[request]]\nroute = \"/a\"\nfields = { host = \"z\" }\n", "line 2", "generator"),
            ("[[request]]\nroute = \"/a\"\nfields = { X = \"y\\nz\" }\n", "line 2", "no field may"),
            ("rate = 5\nclients = [1, 2]\n[[request]]\nroute = \"/a\"\n", "line 2", "one level"),
        ];
        for (text, line, part) in wrong {
            let error = error(text);
            assert!(error.contains(line) && error.contains(part), "{text}\n{error}");
        }
    }

    #[test]
    fn a_route_of_ours_says_what_it_waits_for() {
        let ms = Duration::from_millis;
        let meaning = |route: &str| meaning(route, ms(80));
        assert_eq!(meaning("/wait/0.05"), (ms(50), ms(0), false));
        assert_eq!(meaning("/offload/wait/1"), (ms(1000), ms(0), true));
        assert_eq!(meaning("/work?wait=0.02&cpu_ms=3"), (ms(20), ms(3), false));
        assert_eq!(meaning("/github-user/{name}"), (ms(80), ms(0), false));
        let users = "/github-users?username={name}&username={name}&mode=";
        assert_eq!(meaning(&format!("{users}parallel")).0, ms(80));
        assert_eq!(meaning(&format!("{users}sequential")).0, ms(160));
    }

    #[test]
    fn a_service_without_a_route_is_emulated() {
        let service = Workload::parse("[service]\nwait_ms = 20\ncpu_ms = 0.5\n", "mine").unwrap();
        assert_eq!(service.shown(), "GET /work?wait=0.02&cpu_ms=0.5");
        let pooled = Workload::parse("[service]\nwait_ms = 20\npool = 5\n", "mine").unwrap();
        assert_eq!(pooled.shown(), "GET /offload/wait/0.02");
        assert_eq!(pooled.scenario().flags, ["--offload-threads=5"]);
    }
}
