//! What counts as a right reply. A server that answers fast and wrong is not fast.

use std::fmt;
use std::sync::Arc;

use crate::ask::Template;

/// Status and length are checked on every reply, the body's meaning on a sample of them.
#[derive(Clone, Debug)]
pub struct Expect {
    statuses: Vec<u16>,
    body: Body,
    template: Option<Template>,
    sampled: u64,
}

/// What the body must be.
#[derive(Clone)]
pub enum Body {
    /// Anything whose framing holds.
    Any,
    /// This many bytes.
    Length(u64),
    /// These bytes.
    Exact(Arc<[u8]>),
    /// This text somewhere; `{n}` in it is the number of the request.
    Contains(String),
    /// What this function accepts, given the number of the request; an error says what is wrong.
    Check(Check),
}

/// A check of one body; shared by the generator's threads.
pub type Check = Arc<dyn Fn(u64, &[u8]) -> Result<(), String> + Send + Sync>;

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("Any"),
            Self::Length(length) => write!(f, "Length({length})"),
            Self::Exact(bytes) => write!(f, "Exact({} bytes)", bytes.len()),
            Self::Contains(text) => write!(f, "Contains({text:?})"),
            Self::Check(_) => f.write_str("Check"),
        }
    }
}

impl Default for Expect {
    fn default() -> Self {
        Self::body(Body::Any)
    }
}

impl Expect {
    /// 200 with this body, looked at in every reply.
    pub fn body(body: Body) -> Self {
        let template = match &body {
            Body::Contains(text) => Some(Template::new(text)),
            _ => None,
        };
        Self { statuses: vec![200], body, template, sampled: 1 }
    }

    /// 200 with exactly these bytes.
    pub fn exactly(bytes: impl AsRef<[u8]>) -> Self {
        Self::body(Body::Exact(bytes.as_ref().into()))
    }

    /// 200 with this text somewhere in the body; `{n}` in it is the number of the request.
    pub fn containing(text: impl Into<String>) -> Self {
        Self::body(Body::Contains(text.into()))
    }

    /// Any of these statuses instead of 200.
    #[must_use]
    pub fn status(mut self, statuses: impl IntoIterator<Item = u16>) -> Self {
        self.statuses = statuses.into_iter().collect();
        self
    }

    /// Looks at the body's meaning in one reply of `every`; its length is still checked in all.
    #[must_use]
    pub fn sampled(mut self, every: u64) -> Self {
        self.sampled = every.max(1);
        self
    }

    pub(crate) fn accepts_status(&self, status: u16) -> bool {
        self.statuses.contains(&status)
    }

    /// Whether the reply to request `number` must be kept until it is whole.
    pub(crate) fn looks_into(&self, number: u64) -> bool {
        match self.body {
            Body::Any | Body::Length(_) => false,
            Body::Exact(_) | Body::Contains(_) | Body::Check(_) => {
                number.is_multiple_of(self.sampled)
            }
        }
    }

    pub(crate) fn check_length(&self, length: u64) -> Result<(), String> {
        let wanted = match &self.body {
            Body::Length(wanted) => *wanted,
            Body::Exact(bytes) => bytes.len() as u64,
            _ => return Ok(()),
        };
        if length == wanted {
            return Ok(());
        }
        Err(format!("a body of {length} bytes where {wanted} were expected"))
    }

    pub(crate) fn check_body(&self, number: u64, body: &[u8]) -> Result<(), String> {
        let wanted = match &self.body {
            Body::Any | Body::Length(_) => return Ok(()),
            Body::Check(check) => return check(number, body),
            Body::Exact(bytes) if **bytes == *body => return Ok(()),
            Body::Exact(bytes) => shown(bytes),
            Body::Contains(_) => {
                let mut wanted = Vec::new();
                let template = self.template.as_ref().expect("made with the body");
                template.render(number, &mut wanted);
                if memchr::memmem::find(body, &wanted).is_some() {
                    return Ok(());
                }
                shown(&wanted)
            }
        };
        Err(format!("a body of {} where {wanted} was expected", shown(body)))
    }
}

/// The beginning of some bytes, as a person would read them.
fn shown(bytes: &[u8]) -> String {
    let beginning = &bytes[..bytes.len().min(80)];
    let more = if bytes.len() > beginning.len() { "…" } else { "" };
    format!("{:?}{more}", String::from_utf8_lossy(beginning))
}
