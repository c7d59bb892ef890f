//! What is asked: requests rendered once, with a place for a fresh number in each.

use std::sync::Arc;

use crate::expect::Expect;

/// One request, and the reply that counts as right.
///
/// `{n}` in the path or in a field's value becomes the number of the request, so that each asks for a different
/// name. Numbers start at 0 in every run: to stay fresh across runs put the run's own name in the path too.
#[derive(Clone, Debug)]
pub struct Ask {
    method: String,
    path: String,
    fields: Vec<(String, String)>,
    body: Arc<[u8]>,
    expect: Expect,
    weight: u32,
}

impl Ask {
    /// A request without a body, which expects 200 and looks at no more than the framing of the reply.
    pub fn new(method: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            path: path.into(),
            fields: Vec::new(),
            body: Arc::default(),
            expect: Expect::default(),
            weight: 1,
        }
    }

    /// `GET path`.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    /// `POST path` with this body.
    pub fn post(path: impl Into<String>, body: impl Into<Arc<[u8]>>) -> Self {
        Self::new("POST", path).body(body)
    }

    /// With one more field in the head. `Host`, `Content-Length` and `Connection` are written by the generator.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// With this body, sent with its `Content-Length`.
    #[must_use]
    pub fn body(mut self, body: impl Into<Arc<[u8]>>) -> Self {
        self.body = body.into();
        self
    }

    /// With what counts as a right reply.
    #[must_use]
    pub fn expect(mut self, expect: Expect) -> Self {
        self.expect = expect;
        self
    }

    /// With this share in a mix: of the requests, `weight` in the sum of all weights are this one.
    #[must_use]
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }
}

/// What a run asks: one request, or a weighted mix of several.
#[derive(Clone, Debug)]
pub struct Asks(Vec<Ask>);

impl Asks {
    /// A mix. Which request a number gets depends on the number alone, so two runs ask the same.
    ///
    /// # Panics
    /// When there is nothing to ask: no requests, or all of weight 0.
    pub fn mix(asks: impl IntoIterator<Item = Ask>) -> Self {
        let asks: Vec<_> = asks.into_iter().collect();
        assert!(asks.iter().any(|ask| ask.weight > 0), "a mix needs a request with a weight");
        Self(asks)
    }
}

impl From<Ask> for Asks {
    fn from(ask: Ask) -> Self {
        Self(vec![ask.weight(1)])
    }
}

/// The requests of a run as bytes, shared by its threads.
pub(crate) struct Script {
    lines: Vec<Line>,
    total_weight: u64,
}

/// One request as bytes: a head with holes for the number, then the body.
pub(crate) struct Line {
    head: Template,
    pub(crate) body: Arc<[u8]>,
    pub(crate) expect: Expect,
    /// A reply to HEAD has no body, whatever its head says (RFC 9112, section 6.3).
    pub(crate) bodiless: bool,
    weight: u32,
}

impl Script {
    pub(crate) fn new(asks: &Asks, host: &str, keep_alive: bool) -> Self {
        let lines: Vec<_> = asks.0.iter().map(|ask| Line::new(ask, host, keep_alive)).collect();
        let total_weight = lines.iter().map(|line| u64::from(line.weight)).sum();
        Self { lines, total_weight }
    }

    /// The request that this number gets.
    pub(crate) fn line(&self, number: u64) -> &Line {
        if let [only] = self.lines.as_slice() {
            return only;
        }
        let mut point = scatter(number) % self.total_weight;
        self.lines
            .iter()
            .find(|line| match point.checked_sub(u64::from(line.weight)) {
                Some(rest) => {
                    point = rest;
                    false
                }
                None => true,
            })
            .expect("the point is below the sum of the weights")
    }
}

impl Line {
    fn new(ask: &Ask, host: &str, keep_alive: bool) -> Self {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {host}\r\n", ask.method, ask.path);
        for (name, value) in &ask.fields {
            head += &format!("{name}: {value}\r\n");
        }
        if !ask.body.is_empty() || matches!(&*ask.method, "POST" | "PUT" | "PATCH") {
            head += &format!("Content-Length: {}\r\n", ask.body.len());
        }
        if !keep_alive {
            head += "Connection: close\r\n";
        }
        head += "\r\n";
        Self {
            head: Template::new(&head),
            body: Arc::clone(&ask.body),
            expect: ask.expect.clone(),
            bodiless: ask.method == "HEAD",
            weight: ask.weight,
        }
    }

    /// Appends the head of request `number` to `out`.
    pub(crate) fn render_head(&self, number: u64, out: &mut Vec<u8>) {
        self.head.render(number, out);
    }
}

/// Text with holes: `{n}` becomes a number.
#[derive(Clone, Debug)]
pub(crate) struct Template(Vec<Box<[u8]>>);

impl Template {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.split("{n}").map(|piece| piece.as_bytes().into()).collect())
    }

    pub(crate) fn render(&self, number: u64, out: &mut Vec<u8>) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(number).as_bytes();
        for (at, piece) in self.0.iter().enumerate() {
            if at > 0 {
                out.extend_from_slice(digits);
            }
            out.extend_from_slice(piece);
        }
    }
}

/// Spreads consecutive numbers evenly over all of `u64` (the finaliser of SplitMix64).
pub(crate) fn scatter(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(ask: Ask, number: u64) -> String {
        let script = Script::new(&ask.into(), "a.test", true);
        let line = script.line(number);
        let mut out = Vec::new();
        line.render_head(number, &mut out);
        out.extend_from_slice(&line.body);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_request_carries_its_own_number() {
        assert_eq!(
            rendered(Ask::get("/user{n}").field("X-Request-Id", "r{n}"), 7),
            "GET /user7 HTTP/1.1\r\nHost: a.test\r\nX-Request-Id: r7\r\n\r\n"
        );
    }

    #[test]
    fn a_body_is_sent_with_its_length() {
        let text = rendered(Ask::post("/echo", b"abc".as_slice()), 0);
        assert!(text.ends_with("Content-Length: 3\r\n\r\nabc"), "{text}");
    }

    #[test]
    fn a_mix_keeps_its_weights() {
        let mix = Asks::mix([Ask::get("/a").weight(3), Ask::get("/b").weight(0), Ask::get("/c")]);
        let script = Script::new(&mix, "h", true);
        let mut counts = [0; 3];
        for number in 0..10_000 {
            let chosen = script.line(number);
            let at = script.lines.iter().position(|line| std::ptr::eq(line, chosen)).unwrap();
            counts[at] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((7_300..7_700).contains(&counts[0]), "{counts:?}");
    }
}
