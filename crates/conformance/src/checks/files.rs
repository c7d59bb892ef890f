//! `/files`: what is stored is whole and is what was sent, names are data, and what is not whole is not there.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use contract::{FileName, FilePage, StoredFile};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use sha2::{Digest, Sha256};

use super::{Check, Needs, Verdict, each};
use crate::client::{PATIENCE, Request};
use crate::reply::Reply;
use crate::{Subject, until};

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "files: what is put is there as it was sent, with its hash; 201 first, then 200",
        Needs::Address,
        round_trip,
    ),
    Check::new("files: a large body is stored whole, however it is framed", Needs::Address, large),
    Check::new("files: a removed file is gone", Needs::Address, removed),
    Check::new(
        "files: the listing goes page by page, in the order of names",
        Needs::Address,
        listing,
    ),
    Check::new("files: a part is sent to who asks for one", Needs::Address, ranges),
    Check::new("files: who has the bytes gets a 304, and no range of others", Needs::Address, tags),
    Check::new("files: a file is for saving, not for showing", Needs::Address, attachment),
    Check::new("files: a name is data and never a path", Needs::Address, names),
    Check::new(
        "files: an upload that breaks off leaves what was there before",
        Needs::Address,
        broken_off,
    ),
    Check::new(
        "files: of uploads to one name at once one is there, whole",
        Needs::Address,
        at_once,
    ),
    Check::new("files: other methods are a 405", Needs::Address, other_methods),
    Check::new("limits: a file or a form over --upload-bytes is a 413", Needs::Narrow, too_large)
        .alone(),
    Check::new("limits: files over --files-quota together are a 507", Needs::Narrow, quota).alone(),
    Check::new("files: an upload that fails leaves nothing on disk", Needs::Narrow, nothing_left)
        .alone(),
    Check::new(
        "files: what lies in the directory and is no file of ours is not there",
        Needs::Narrow,
        strangers,
    )
    .alone(),
];

/// The path of a file that nobody else asks for.
pub(super) fn fresh(stem: &str) -> String {
    format!("/files/{stem}-{:016x}", fastrand::u64(..))
}

pub(super) fn put(subject: &Subject, path: &str, content: &[u8]) -> Result<Reply, String> {
    subject.ask(&Request::new("PUT", path).body(content))
}

pub(super) fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn tag(content: &[u8]) -> String {
    format!("\"{}\"", sha256(content))
}

fn remove(subject: &Subject, path: &str) -> Verdict {
    let reply = subject.ask(&Request::new("DELETE", path))?.expect(204)?;
    ensure!(reply.body.is_empty(), "a 204 has content");
    Ok(())
}

/// Bytes that repeat nowhere and hold everything.
fn noise(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

fn stored(reply: &Reply, path: &str, content: &[u8]) -> Verdict {
    let stored: StoredFile = serde_json::from_slice(&reply.body)
        .map_err(|error| format!("not the contract's file ({error}): {}", reply.text()))?;
    let name = path.strip_prefix("/files/").unwrap_or_default();
    let expected =
        StoredFile { name: name.to_owned(), size: content.len() as u64, sha256: sha256(content) };
    ensure!(stored == expected, "{stored:?}, not {expected:?}");
    let location = reply.field("location");
    ensure!(location == Some(path), "Location is {location:?}, not {path}");
    Ok(())
}

fn round_trip(subject: &Subject) -> Verdict {
    let path = fresh("round-trip");
    subject.problem(&path, 404)?;
    each([(&b"hello"[..], 201), (b"", 200), (b"\0\xff\r\n", 200)], |(content, status)| {
        let reply = put(subject, &path, content)?.expect(status)?;
        stored(&reply, &path, content)?;
        let reply = subject.get_with(&path, 200)?;
        ensure!(reply.body == content, "came back as {:?}", reply.text());
        ensure!(reply.field("etag") == Some(&tag(content)), "its tag is {:?}", reply.field("etag"));
        ensure!(
            reply.field("accept-ranges") == Some("bytes"),
            "it does not say that it has ranges"
        );
        let mut connection = subject.connect()?;
        let head = connection.ask(&Request::new("HEAD", &path))?.expect(200)?;
        let length = content.len().to_string();
        ensure!(
            head.field("content-length") == Some(&length),
            "HEAD says it is {:?} long, not {length}",
            head.field("content-length")
        );
        // Content after a HEAD would be read as the start of this.
        connection.get(&path)?.expect(200).map(drop)
    })?;
    remove(subject, &path)
}

fn large(subject: &Subject) -> Verdict {
    let content = noise(3 << 20);
    let path = fresh("large");
    put(subject, &path, &content)?.expect(201).and_then(|reply| stored(&reply, &path, &content))?;
    ensure!(subject.get_with(&path, 200)?.body == content, "it came back as something else");
    let head = format!(
        "PUT {path} HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        subject.host
    );
    let mut bytes = head.into_bytes();
    for chunk in content.chunks(70_001) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    let mut connection = subject.connect()?.connection;
    connection.send(&bytes).map_err(|error| error.to_string())?;
    let reply = connection.reply(false, PATIENCE).map_err(|error| error.to_string())?;
    stored(&reply.expect(200)?, &path, &content)?;
    remove(subject, &path)
}

fn removed(subject: &Subject) -> Verdict {
    let path = fresh("removed");
    let gone = |request: Request| subject.ask(&request)?.expect(404)?.problem(&path).map(drop);
    gone(Request::new("DELETE", &path))?;
    put(subject, &path, b"x")?.expect(201)?;
    remove(subject, &path)?;
    gone(Request::get(&path))?;
    gone(Request::new("DELETE", &path))
}

fn listing(subject: &Subject) -> Verdict {
    let stem = format!("{:016x}", fastrand::u64(..));
    // In the order of bytes: capitals, then small letters, then all that is not ASCII.
    let names = ["A", "B b", "a", "a-", "\u{fc}"].map(|end| format!("{stem}{end}"));
    let path = |name: &str| FileName::parse(&[], name).expect("a name").location();
    for name in &names {
        put(subject, &path(name), name.as_bytes())?.expect(201)?;
    }
    let mut found = Vec::new();
    let mut after = stem.clone();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let query = percent_encode(after.as_bytes(), NON_ALPHANUMERIC);
        let reply = subject.get_with(&format!("/files?limit=2&after={query}"), 200)?;
        let page: FilePage = serde_json::from_slice(&reply.body)
            .map_err(|error| format!("not the contract's page ({error}): {}", reply.text()))?;
        ensure!(page.files.len() <= 2, "a page of 2 has {}", page.files.len());
        let last = page.files.last().map(|file| file.name.clone());
        // Others store and remove files meanwhile, and a page may end with one that is gone; ours are together.
        let is_ours = page.next.as_ref().is_some_and(|next| next.starts_with(&stem));
        let follows = if is_ours { page.next == last } else { page.next >= last };
        ensure!(page.next.is_none() || follows, "next is {:?} after {last:?}", page.next);
        found.extend(page.files.into_iter().filter(|file| file.name.starts_with(&stem)));
        let Some(next) = page.next.filter(|next| next.starts_with(&stem)) else { break };
        ensure!(next > after, "the page after {after:?} leads back to {next:?}");
        ensure!(Instant::now() < deadline, "the pages do not end");
        after = next;
    }
    let expected: Vec<_> = names
        .iter()
        .map(|name| StoredFile {
            name: name.clone(),
            size: name.len() as u64,
            sha256: sha256(name.as_bytes()),
        })
        .collect();
    ensure!(found == expected, "listed {found:?}");
    each(names, |name| remove(subject, &path(&name)))?;
    each(["limit=0", "limit=1001", "limit=x", "limit=-1", "after=", "after=a%2Fb"], |query| {
        let reply = subject.get_with(&format!("/files?{query}"), 422)?;
        reply.problem("/files").map(drop)
    })
}

fn ranges(subject: &Subject) -> Verdict {
    let content = noise(100_000);
    let path = fresh("ranges");
    put(subject, &path, &content)?.expect(201)?;
    let ask = |range: &str| subject.ask(&Request::get(&path).field("Range", range));
    each(
        [
            ("bytes=0-0", 0, 1),
            ("bytes=99999-", 99_999, 1),
            ("bytes=10-70009", 10, 70_000),
            ("bytes=-1", 99_999, 1),
            ("bytes=-200000", 0, 100_000),
            ("bytes=5-99999999999999999999", 5, 99_995),
        ],
        |(range, from, length)| {
            let reply = ask(range)?.expect(206).map_err(|error| format!("{range}: {error}"))?;
            ensure!(reply.body == content[from..from + length], "{range}: other bytes");
            let told = format!("bytes {from}-{}/100000", from + length - 1);
            let found = reply.field("content-range");
            ensure!(found == Some(&told), "{range}: Content-Range is {found:?}");
            let length = length.to_string();
            let found = reply.field("content-length");
            ensure!(found == Some(&length), "{range}: Content-Length is {found:?}");
            ensure!(reply.field("etag") == Some(&tag(&content)), "{range}: no tag");
            Ok(())
        },
    )?;
    each(["bytes=100000-", "bytes=-0", "bytes=99999999999999999999-"], |range| {
        let reply = ask(range)?.expect(416).map_err(|error| format!("{range}: {error}"))?;
        let told = reply.field("content-range");
        ensure!(told == Some("bytes */100000"), "{range}: Content-Range is {told:?}");
        reply.problem(&path).map(drop)
    })?;
    each(["lines=0-1", "bytes=5-2", "bytes=", "bytes=0-1,5-6", "bytes=a-b"], |range| {
        let reply = ask(range)?.expect(200).map_err(|error| format!("{range}: {error}"))?;
        ensure!(reply.body == content, "{range}: other bytes");
        Ok(())
    })?;
    let mut connection = subject.connect()?;
    let head = Request::new("HEAD", &path).field("Range", "bytes=0-9");
    let head = connection.ask(&head)?;
    ensure!(matches!(head.status, 200 | 206), "HEAD with a range is {}", head.status);
    connection.get(&path)?.expect(200)?;
    remove(subject, &path)
}

fn tags(subject: &Subject) -> Verdict {
    let (content, path) = (b"hello", fresh("tags"));
    put(subject, &path, content)?.expect(201)?;
    let tag = tag(content);
    let ask = |fields: &[(&str, &str)]| {
        let request = fields
            .iter()
            .fold(Request::get(&path), |request, (name, value)| request.field(name, value));
        subject.ask(&request)
    };
    each([tag.clone(), "*".into(), format!("\"x\", W/{tag}")], |known| {
        let mut connection = subject.connect()?;
        let request = Request::get(&path).field("If-None-Match", &known);
        let reply = connection.ask(&request)?.expect(304)?;
        ensure!(reply.field("etag") == Some(&tag), "the 304 has no tag");
        ensure!(reply.field("content-type").is_none(), "the 304 has a type");
        // Content after a 304 would be read as the start of this.
        connection.get(&path)?.expect(200).map(drop)
    })?;
    each(["\"x\"", "W/\"x\"", ""], |known| {
        ask(&[("If-None-Match", known)])?.expect(200).map(drop)
    })?;
    let part = ("Range", "bytes=0-0");
    ask(&[part, ("If-Range", &tag)])?.expect(206)?;
    let weak = format!("W/{tag}");
    each(["\"x\"", &weak, "Tue, 24 Nov 2026 20:00:00 GMT"], |other| {
        ask(&[part, ("If-Range", other)])?.expect(200).map(drop)
    })?;
    remove(subject, &path)
}

fn attachment(subject: &Subject) -> Verdict {
    let path = fresh("page.html");
    put(subject, &path, b"<script>alert(1)</script>")?.expect(201)?;
    let reply = subject.get_with(&path, 200)?;
    let media_type = reply.field("content-type");
    ensure!(media_type == Some("application/octet-stream"), "content-type {media_type:?}");
    let disposition = reply.field("content-disposition").unwrap_or_default();
    ensure!(disposition.starts_with("attachment; "), "content-disposition {disposition:?}");
    ensure!(reply.field("x-content-type-options") == Some("nosniff"), "it may be sniffed");
    ensure!(reply.field("cache-control") == Some("no-cache"), "it may be kept without asking");
    remove(subject, &path)
}

/// Names that are unusual and harmless, as they stand in a path.
const ODD_NAMES: &[&str] = &[
    "-rf",
    ".hidden",
    "a.",
    "a%20",
    "%20",
    "...",
    "CON",
    "nul.txt",
    "a%3Ab",
    "%C3%BC",
    "u%CC%88",
    "%F0%9F%92%A9",
    "%22%3B%20filename%3Dx",
    "%2525",
    "a%3Fb%23c",
    "~root",
    "$(id)",
    "%60id%60",
    "'%20OR%201%3D1--",
];

/// Names that are none, as they stand in a path.
const NO_NAMES: &[&str] = &[
    ".",
    "..",
    "%2e",
    "%2e%2e",
    "..%2f..%2fetc%2fpasswd",
    "%2fetc%2fpasswd",
    "a%2fb",
    "..%5c..%5cx",
    "a%00b",
    "%00",
    "a%0d%0aX-Injected:%201",
    "%7f",
    "%FF",
    "%C0%AF",
];

fn names(subject: &Subject) -> Verdict {
    let stem = format!("{:08x}", fastrand::u32(..));
    each(ODD_NAMES, |name| {
        // As they are, but for those who test beside us.
        let path = format!("/files/{name}{stem}");
        put(subject, &path, name.as_bytes())?
            .expect(201)
            .map_err(|error| format!("{name}: {error}"))?;
        let reply = subject.get_with(&path, 200).map_err(|error| format!("{name}: {error}"))?;
        ensure!(reply.body == name.as_bytes(), "{name}: other bytes");
        let disposition = reply.field("content-disposition").unwrap_or_default();
        let quotes = disposition.matches('"').count();
        ensure!(quotes == 2, "{name}: content-disposition {disposition:?}");
        remove(subject, &path)
    })?;
    let long = "x".repeat(256);
    each(NO_NAMES.iter().copied().chain([long.as_str()]), |name| {
        let path = format!("/files/{name}");
        each(["PUT", "GET", "DELETE"], |method| {
            let mut request = Request::new(method, &path);
            if method == "PUT" {
                request = request.body("x");
            }
            let reply = subject.ask(&request)?;
            let refused = matches!(reply.status, 400 | 404 | 422);
            ensure!(refused, "{method} {path} is a {}", reply.status);
            ensure!(
                reply.field("x-injected").is_none(),
                "{method} {path} put a field into the reply"
            );
            reply.problem(&path).map(drop)
        })
    })
}

fn broken_off(subject: &Subject) -> Verdict {
    let path = fresh("broken-off");
    let announce =
        format!("PUT {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: 100000\r\n\r\n", subject.host);
    let chunked = format!(
        "PUT {path} HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n",
        subject.host
    );
    let before = Instant::now();
    put(subject, &path, b"whole")?.expect(201)?;
    for request in [announce + &"x".repeat(50_000), chunked] {
        let mut connection = subject.connect()?.connection;
        connection.send(request.as_bytes()).map_err(|error| error.to_string())?;
        // It comes; whoever looks sees what was there before.
        for _ in 0..5 {
            let seen = subject.get_with(&path, 200)?.body;
            ensure!(seen == b"whole", "half an upload is seen: {} bytes", seen.len());
            thread::sleep(Duration::from_millis(10));
        }
        connection.half_close();
        // A 400 or a close; once it is there nothing can change any more.
        let reply = connection.reply(false, PATIENCE);
        ensure!(
            !reply.as_ref().is_ok_and(|reply| reply.status < 400),
            "half an upload is a {reply:?}"
        );
        let reply = subject.get_with(&path, 200)?;
        ensure!(reply.body == b"whole", "half an upload is seen: {} bytes", reply.body.len());
    }
    ensure!(before.elapsed() < PATIENCE, "it took {:?}", before.elapsed());
    remove(subject, &path)
}

fn at_once(subject: &Subject) -> Verdict {
    let path = fresh("at-once");
    let contents: Vec<Vec<u8>> =
        (0..8u8).map(|n| vec![b'a' + n; 30_000 + usize::from(n)]).collect();
    let replies: Vec<_> = thread::scope(|scope| {
        let asked: Vec<_> =
            contents.iter().map(|content| scope.spawn(|| put(subject, &path, content))).collect();
        asked.into_iter().map(|reply| reply.join().expect("asking does not panic")).collect()
    });
    each(replies, |reply| {
        let status = reply?.status;
        ensure!(matches!(status, 200 | 201), "one of eight at once is a {status}");
        Ok(())
    })?;
    let reply = subject.get_with(&path, 200)?;
    ensure!(contents.contains(&reply.body), "what is there is none of the eight");
    ensure!(reply.field("etag") == Some(&tag(&reply.body)), "the tag is of another");
    remove(subject, &path)
}

fn other_methods(subject: &Subject) -> Verdict {
    let path = fresh("other-methods");
    let refused = |method: &str, target: &str, allow: &str| {
        let reply = subject.ask(&Request::new(method, target))?.expect(405)?;
        let mut told: Vec<_> = reply.field("allow").unwrap_or_default().split(", ").collect();
        told.sort_unstable();
        ensure!(told.join(", ") == allow, "{method} {target}: Allow is {told:?}");
        reply.problem(target).map(drop)
    };
    each(["PUT", "DELETE", "PATCH"], |method| refused(method, "/files", "GET, HEAD, POST"))?;
    each(["POST", "PATCH"], |method| refused(method, &path, "DELETE, GET, HEAD, PUT"))
}

fn too_large(subject: &Subject) -> Verdict {
    let path = fresh("too-large");
    put(subject, &path, &[b'x'; 4_096])?.expect(201)?;
    remove(subject, &path)?;
    let mut connection = subject.connect()?.connection;
    let head =
        format!("PUT {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: 4097\r\n\r\nx", subject.host);
    connection.send(head.as_bytes()).map_err(|error| error.to_string())?;
    // Nothing more is sent, so whoever waits for the body does not answer.
    let reply = connection
        .reply(false, Duration::from_millis(500))
        .map_err(|error| format!("announced: {error}"))?;
    reply.expect(413)?.problem(&path)?;
    let mut connection = subject.connect()?.connection;
    let head = format!(
        "PUT {path} HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n1001\r\n{}\r\n0\r\n\r\n",
        subject.host,
        "x".repeat(4_097)
    );
    connection.send_what_is_taken(head.as_bytes());
    let reply = connection.reply(false, PATIENCE).map_err(|error| format!("chunked: {error}"))?;
    reply.expect(413)?.problem(&path)?;
    let form = format!(
        "--b\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\n{}\r\n--b--\r\n",
        "x".repeat(4_097)
    );
    let form = Request::new("POST", "/files")
        .field("Content-Type", "multipart/form-data; boundary=b")
        .body(form);
    subject.ask(&form)?.expect(413)?.problem("/files")?;
    subject.problem(&path, 404).map(drop)
}

fn quota(subject: &Subject) -> Verdict {
    let paths: Vec<_> = (0..4).map(|_| fresh("quota")).collect();
    let replies: Vec<_> =
        paths.iter().map(|path| put(subject, path, &[b'x'; 4_000])).collect::<Result<_, _>>()?;
    let statuses: Vec<_> = replies.iter().map(|reply| reply.status).collect();
    // Three times 4,000 bytes and what is kept with each fit into 12,288.
    ensure!(statuses == [201, 201, 201, 507], "four of a third of the quota are {statuses:?}");
    replies[3].problem(&paths[3])?;
    subject.problem(&paths[3], 404)?;
    remove(subject, &paths[0])?;
    put(subject, &paths[3], &[b'x'; 4_000])?
        .expect(201)
        .map_err(|error| format!("with one removed: {error}"))?;
    each(&paths[1..], |path| remove(subject, path))
}

/// Every file below a directory.
fn below(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| {
            let path = entry.path();
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_directory { below(&path) } else { vec![path.display().to_string()] }
        })
        // SQLite's file and its log lie beside them.
        .filter(|path| !path.contains("/waitlab.db"))
        .collect()
}

fn nothing_left(subject: &Subject) -> Verdict {
    let data = subject.data.as_deref().ok_or("the judge does not know where it keeps its data")?;
    ensure!(below(data).is_empty(), "before: {:?}", below(data));
    let path = fresh("nothing-left");
    let head = |more: &str| format!("PUT {path} HTTP/1.1\r\nHost: {}\r\n{more}", subject.host);
    let form = |rest: &str| {
        let head = "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 4000\r\n\r\n";
        let part = "--b\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\nhello\r\n";
        format!("POST /files HTTP/1.1\r\nHost: {}\r\n{head}{part}{rest}", subject.host)
    };
    each(
        [
            ("silent", head("Content-Length: 4000\r\n\r\nhello"), Some(408)),
            (
                "not chunked",
                head("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n"),
                Some(400),
            ),
            (
                "too large",
                head(&format!(
                    "Transfer-Encoding: chunked\r\n\r\n1001\r\n{}\r\n",
                    "x".repeat(4_097)
                )),
                Some(413),
            ),
            ("a form that stops", form(""), Some(408)),
            ("a form that is none", form("--b\r\n\r\n\r\n--b--"), None),
        ],
        |(what, request, status)| {
            let mut connection = subject.connect()?.connection;
            connection.send_what_is_taken(request.as_bytes());
            if status.is_none() {
                connection.half_close();
            }
            match (connection.reply(false, PATIENCE), status) {
                (Ok(reply), Some(status)) => {
                    ensure!(reply.status == status, "{what} is a {}", reply.status);
                }
                (Ok(reply), None) => {
                    ensure!(reply.status >= 400, "{what} is a {}", reply.status);
                }
                (Err(error), Some(_)) => return Err(format!("{what}: {error}")),
                (Err(_), None) => {}
            }
            let gone = until(Duration::from_secs(5), || below(data).is_empty());
            gone.map(drop).ok_or_else(|| format!("{what} leaves {:?}", below(data)))
        },
    )
}

fn strangers(subject: &Subject) -> Verdict {
    let data = subject.data.as_deref().ok_or("the judge does not know where it keeps its data")?;
    let files = data.join("files");
    let canary = data.join("canary");
    fs::write(&canary, "outside").map_err(|error| error.to_string())?;
    let name = |text: &str| FileName::parse(&[], text).expect("a name");
    let place = |text: &str| files.join(name(text).on_disk());
    std::os::unix::fs::symlink(&canary, place("link")).map_err(|error| error.to_string())?;
    std::os::unix::fs::symlink("/", files.join("root")).map_err(|error| error.to_string())?;
    fs::create_dir(place("directory")).map_err(|error| error.to_string())?;
    fs::write(place("plain"), "nobody's").map_err(|error| error.to_string())?;
    fs::write(files.join("plain"), "nobody's").map_err(|error| error.to_string())?;
    let verdict = each(["link", "directory", "plain", "root"], |name| {
        let path = format!("/files/{name}");
        subject.problem(&path, 404)?;
        subject.ask(&Request::new("DELETE", &path))?.expect(404).map(drop)
    });
    let listed = subject.get_with("/files", 200).map(|reply| reply.text());
    let over = put(subject, "/files/link", b"inside");
    let kept = fs::read_to_string(&canary).unwrap_or_default();
    for gone in [place("link"), files.join("root"), place("plain"), files.join("plain"), canary] {
        let _ = fs::remove_file(gone);
    }
    let _ = fs::remove_dir(place("directory"));
    verdict?;
    let listed = listed?;
    ensure!(listed == r#"{"scope":"machine","files":[],"next":null}"#, "listed {listed}");
    ensure!(over?.status < 300, "a link keeps a name from being used");
    ensure!(kept == "outside", "what the link led to is now {kept:?}");
    Ok(())
}
