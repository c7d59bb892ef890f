//! Acting out one request: the plain profile, or the fault that its name or the dials ask for.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use flate2::{Compression, write::GzEncoder};
use tokio::io::AsyncWriteExt;

use crate::connection::{After, Connection};
use crate::profile::{etag, last_modified};
use crate::reply::{self, HTML, Head, JSON, failure, message, push_chunk};
use crate::request::Request;
use crate::stats::Quota;
use crate::{Fault, Profile, bomb};

/// Answers one request, and says what becomes of the connection.
pub(crate) async fn answer(connection: &mut Connection, request: &Request) -> io::Result<After> {
    let mut act = Act { connection, request, closing: !request.keep_alive, quota: unlimited() };
    if !request.user_agent {
        act.tally().no_user_agent();
        act.closing = true;
        let head = act.head(403, "text/html");
        return act.send(head, reply::NO_USER_AGENT.as_bytes()).await;
    }
    let Some(name) = request.name() else {
        act.tally().unexpected(&request.target);
        return act.fail(404, "").await;
    };

    let nth = act.tally().named(name);
    let dials = &act.connection.world.dials;
    let fault = Fault::of(name).or_else(|| dials.fault(name, nth));
    let latency = match fault {
        Some(Fault::Slow(latency)) => latency,
        _ => dials.latency.draw(dials.seed, name, nth),
    };
    if let Some(limit) = dials.rate_limit {
        act.quota = act.connection.world.tally().spend(limit);
        if act.quota.over {
            return act.refuse(403, act.quota, None).await;
        }
    }
    act.connection.pause(latency).await?;
    match fault {
        None => act.profile(name).await,
        Some(fault) => act.out(fault, name, nth).await,
    }
}

struct Act<'a> {
    connection: &'a mut Connection,
    request: &'a Request,
    /// Whether the reply says that it is the connection's last.
    closing: bool,
    /// What the reply says of the rate limit.
    quota: Quota,
}

impl Act<'_> {
    fn tally(&self) -> std::sync::MutexGuard<'_, crate::stats::Tally> {
        self.connection.world.tally()
    }

    /// The profile, or that the client has it already.
    async fn profile(&mut self, name: &str) -> io::Result<After> {
        let etag = etag(name);
        let known = self.request.has(&etag);
        let head = self
            .head(if known { 304 } else { 200 }, JSON)
            .field("etag", &etag)
            .field("last-modified", httpdate::HttpDate::from(last_modified(name)))
            .quota(self.quota);
        if known {
            self.tally().not_modified();
            return self.write(&head.bare(), After::Keep).await;
        }
        self.send(head, &Profile::of(name).json()).await
    }

    async fn out(&mut self, fault: Fault, name: &str, nth: u64) -> io::Result<After> {
        let body = || Profile::of(name).json();
        let json = self.head(200, JSON);
        let host = self.request.host.as_deref().unwrap_or("localhost").to_owned();
        match fault {
            Fault::Slow(_) => self.profile(name).await,
            Fault::Size(bytes) => self.send(json, &padded(name, bytes)).await,
            Fault::Chunked if self.request.is_head() => {
                self.write(&json.chunked(), After::Keep).await
            }
            Fault::Chunked => {
                let mut bytes = json.chunked();
                body().chunks(100).for_each(|part| push_chunk(&mut bytes, part));
                bytes.extend_from_slice(b"0\r\n\r\n");
                self.write(&bytes, After::Keep).await
            }
            Fault::Gzip => {
                let mut packed = GzEncoder::new(Vec::new(), Compression::default());
                packed.write_all(&body())?;
                self.send(json.field("content-encoding", "gzip"), &packed.finish()?).await
            }
            Fault::Closes => {
                self.closing = true;
                self.profile(name).await
            }
            Fault::Stale => self.profile(name).await.map(|_| After::Close),
            Fault::Missing => self.fail(404, "/users/users#get-a-user").await,
            Fault::Error(status) => self.fail(status, "").await,

            Fault::Down => Ok(After::Reset),
            Fault::Hang => self.connection.pause(A_YEAR).await.map(|()| After::Close),
            Fault::Drip => self.drip(&json.whole(&body())).await,
            Fault::DripBody => {
                let body = body();
                self.write(&json.declared(body.len()), After::Keep).await?;
                self.drip(&body).await
            }

            Fault::Html => self.send(self.head(200, HTML), reply::UNICORN.as_bytes()).await,
            Fault::Mistyped => self.send(self.head(200, HTML), &body()).await,
            Fault::NotJson => self.send(json, b"{\"login\": octocat,,}").await,
            Fault::Shape => self.send(json, br#"["octocat", 583231]"#).await,
            Fault::Fields => {
                self.send(json, br#"{"login":583231,"id":"octocat","followers":{}}"#).await
            }
            Fault::Empty => self.send(json, b"").await,
            Fault::Utf8 => {
                let mut body = body();
                body[10] = 0xff; // The first letter of the login.
                self.send(json, &body).await
            }

            Fault::Cut => self.half(json, &body(), After::Close).await,
            Fault::Reset => self.half(json, &body(), After::Reset).await,
            Fault::CutHead => {
                let head = json.bare();
                self.write(&head[..head.len() / 2], After::Close).await
            }
            Fault::CutChunked => {
                let mut bytes = json.chunked();
                let body = body();
                push_chunk(&mut bytes, &body[..body.len() / 2]);
                self.write(&bytes, After::Close).await
            }

            Fault::Huge => {
                let mut bytes = json.chunked();
                push_chunk(&mut bytes, br#"{"login":"huge","id":1,"bio":""#);
                self.flood(bytes, chunk_of_filler(), u64::MAX).await
            }
            Fault::HugeDeclared => {
                let opening = br#"{"login":"huge","id":1,"bio":""#;
                let mut bytes = json.declared(HUGE);
                bytes.extend_from_slice(opening);
                self.flood(bytes, &[b'a'; 64 << 10], (HUGE - opening.len()) as u64).await
            }
            Fault::EndlessHead => {
                self.flood(json.endless(), b"x-filler: aaaaaaaaaaaaaaaaaaaa\r\n", u64::MAX).await
            }
            Fault::Bomb => {
                static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
                let bomb = BOMB.get_or_init(bomb::gzip);
                self.send(json.field("content-encoding", "gzip"), bomb).await
            }
            Fault::Garbled => {
                self.write(b"SSH-2.0-babeld-57ab8b5c\r\n\0\0\x01\x0c\x06\x14\r\n\r\n", After::Close)
                    .await
            }
            Fault::Extra => {
                let mut bytes = json.whole(&body());
                bytes.extend(self.head(200, JSON).whole(&Profile::of("intruder").json()));
                self.write(&bytes, After::Keep).await
            }

            Fault::RateLimited => self.refuse(403, used_up(), None).await,
            Fault::RateLimited429 => self.refuse(429, used_up(), Some(7)).await,
            Fault::Secondary => {
                let head = self.head(403, JSON).field("retry-after", 60).quota(self.quota);
                self.send(head, &failure(403, reply::SECONDARY, reply::SECONDARY_PAGE)).await
            }

            Fault::Redirect => self.redirect(301, format!("http://{host}/users/octocat")).await,
            Fault::RedirectAway => {
                let decoy = self.connection.world.decoy;
                self.redirect(302, format!("http://{decoy}/users/octocat")).await
            }
            Fault::RedirectLoop => self.redirect(302, format!("http://{host}/users/{name}")).await,

            Fault::Flaky if nth == 1 => self.fail(503, "").await,
            Fault::FlakyReset if nth == 1 => Ok(After::Reset),
            Fault::Flaky429 if nth == 1 => self.refuse(429, self.quota, Some(1)).await,
            Fault::Flaky | Fault::FlakyReset | Fault::Flaky429 => self.profile(name).await,
        }
    }

    /// The head of a reply to this request.
    fn head(&self, status: u16, content_type: &str) -> Head {
        let count = self.tally().total();
        let id = format_args!(
            "{:04X}:{:X}:{count:X}",
            count % 0xffff,
            0x002b_9e1c_u64.wrapping_mul(count)
        );
        let head = Head::new(status, content_type).field("x-github-request-id", id);
        if self.closing { head.field("connection", "close") } else { head }
    }

    /// A failure in GitHub's words.
    async fn fail(&mut self, status: u16, page: &str) -> io::Result<After> {
        let head = self.head(status, JSON).quota(self.quota);
        self.send(head, &failure(status, message(status), page)).await
    }

    /// Over the rate limit.
    async fn refuse(
        &mut self,
        status: u16,
        quota: Quota,
        retry_after: Option<u32>,
    ) -> io::Result<After> {
        let mut head = self.head(status, JSON).quota(quota);
        if let Some(seconds) = retry_after {
            head = head.field("retry-after", seconds);
        }
        self.send(head, &failure(status, reply::RATE_LIMITED, reply::RATE_LIMITED_PAGE)).await
    }

    async fn redirect(&mut self, status: u16, location: String) -> io::Result<After> {
        let head = self.head(status, JSON).field("location", &location);
        self.send(head, &reply::moved(status, &location)).await
    }

    /// Sends a whole reply; to HEAD its head alone.
    async fn send(&mut self, head: Head, body: &[u8]) -> io::Result<After> {
        let bytes =
            if self.request.is_head() { head.declared(body.len()) } else { head.whole(body) };
        let after = if self.closing { After::Close } else { After::Keep };
        self.write(&bytes, after).await
    }

    async fn write(&mut self, bytes: &[u8], after: After) -> io::Result<After> {
        self.connection.stream.write_all(bytes).await?;
        Ok(after)
    }

    /// Sends half of the body that the head promises.
    async fn half(&mut self, head: Head, body: &[u8], after: After) -> io::Result<After> {
        let mut bytes = head.declared(body.len());
        bytes.extend_from_slice(&body[..body.len() / 2]);
        self.write(&bytes, after).await
    }

    async fn drip(&mut self, bytes: &[u8]) -> io::Result<After> {
        for byte in bytes {
            self.write(&[*byte], After::Keep).await?;
            self.connection.pause(Duration::from_secs(1)).await?;
        }
        Ok(After::Keep)
    }

    /// Sends `opening`, then `filler` again and again up to `length` bytes. Memory stays flat: the client's pace is ours.
    async fn flood(
        &mut self,
        opening: Vec<u8>,
        filler: &[u8],
        mut length: u64,
    ) -> io::Result<After> {
        self.write(&opening, After::Keep).await?;
        while length > 0 {
            let part = filler.len().min(usize::try_from(length).unwrap_or(usize::MAX));
            self.write(&filler[..part], After::Keep).await?;
            length -= part as u64;
        }
        Ok(After::Keep)
    }
}

const HUGE: usize = 500_000_000;
const A_YEAR: Duration = Duration::from_secs(365 * 86_400);

fn chunk_of_filler() -> &'static [u8] {
    static CHUNK: OnceLock<Vec<u8>> = OnceLock::new();
    CHUNK.get_or_init(|| {
        let mut chunk = Vec::new();
        push_chunk(&mut chunk, &[b'a'; 64 << 10]);
        chunk
    })
}

/// The profile of `name` with a bio that makes it exactly `bytes` long, or as short as a profile can be.
fn padded(name: &str, bytes: usize) -> Vec<u8> {
    let mut profile = Profile::of(name);
    profile.bio = Some(String::new());
    let missing = bytes.saturating_sub(profile.json().len());
    profile.bio = Some("a".repeat(missing));
    profile.json()
}

/// What GitHub tells a client with a token that has asked once.
fn unlimited() -> Quota {
    Quota { limit: 5_000, used: 1, reset: in_seconds(3_600), over: false }
}

fn used_up() -> Quota {
    Quota { limit: 60, used: 60, reset: in_seconds(60), over: true }
}

fn in_seconds(seconds: u64) -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() + seconds
}
