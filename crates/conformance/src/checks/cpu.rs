//! `/thumbnail`, `/seal`, `/open`: what they make, what they refuse, and that the cores are not asked for more than they have.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

use super::{Check, Needs, Verdict, each};
use crate::Subject;
use crate::client::Request;
use crate::reply::Reply;

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "thumbnail makes a JPEG as wide as asked of every format",
        Needs::Address,
        thumbnails,
    ),
    Check::new(
        "thumbnail refuses a width or a placement that is none",
        Needs::Address,
        bad_queries,
    ),
    Check::new("thumbnail refuses what is no image, or a broken one", Needs::Address, no_images),
    Check::new("thumbnail refuses a decompression bomb without decoding it", Needs::Address, bombs)
        .alone(),
    Check::new("open gives back what seal was given", Needs::Address, round_trip),
    Check::new("seal and open refuse a passphrase that is none", Needs::Address, bad_passphrases),
    Check::new("open refuses another passphrase, and every change", Needs::Address, unopened),
    Check::new(
        "no hostile body is answered by a 500, a hang or a dead server",
        Needs::Address,
        hostile,
    ),
    Check::new("limits: an image or a text over --media-bytes is a 413", Needs::Narrow, too_large),
    Check::new(
        "limits: bodies over --body-budget together are a 503, and the next finds room",
        Needs::Narrow,
        budget,
    )
    .alone(),
    Check::new(
        "limits: --cpu-threads compute, --cpu-queue wait, the rest is a 503",
        Needs::Narrow,
        bounded,
    )
    .alone(),
];

/// The same picture, 48 by 32 pixels.
const IMAGES: [(&str, &[u8]); 4] = [
    ("png", include_bytes!("../../cases/images/48x32.png")),
    ("jpg", include_bytes!("../../cases/images/48x32.jpg")),
    ("gif", include_bytes!("../../cases/images/48x32.gif")),
    ("webp", include_bytes!("../../cases/images/48x32.webp")),
];

const PHRASE: &str = "correct horse battery staple";

fn thumbnail(query: &str, image: impl Into<Vec<u8>>) -> Request {
    Request::new("POST", &format!("/thumbnail{query}")).body(image)
}

fn with_passphrase(target: &str, body: impl Into<Vec<u8>>) -> Request {
    Request::new("POST", target).field("X-Passphrase", PHRASE).body(body)
}

fn thumbnails(subject: &Subject) -> Verdict {
    each(IMAGES, |(format, image)| {
        each(
            [("?width=24", (24, 16)), ("?width=24&placement=offload", (24, 16)), ("", (48, 32))],
            |(query, size)| {
                let reply = subject.ask(&thumbnail(query, image))?.expect(200)?;
                let media_type = reply.field("content-type");
                ensure!(media_type == Some("image/jpeg"), "content-type {media_type:?}");
                ensure!(
                    jpeg_size(&reply.body) == Some(size),
                    "{format}, {query}: its size is {:?}, not {size:?}",
                    jpeg_size(&reply.body)
                );
                Ok(())
            },
        )
    })?;
    let made = |placement: &str| -> Result<Vec<u8>, String> {
        let query = format!("?width=20&placement={placement}");
        Ok(subject.ask(&thumbnail(&query, IMAGES[0].1))?.expect(200)?.body)
    };
    ensure!(made("inline")? == made("offload")?, "the picture depends on the placement");
    Ok(())
}

/// Width and height, from the head of its frame (ITU-T T.81, B.2.2).
fn jpeg_size(jpeg: &[u8]) -> Option<(u16, u16)> {
    let mut rest = jpeg.strip_prefix(&[0xff, 0xd8])?;
    loop {
        let [0xff, marker, high, low, ..] = *rest else { return None };
        if (0xc0..=0xc2).contains(&marker) {
            let of = |at: usize| Some(u16::from_be_bytes([*rest.get(at)?, *rest.get(at + 1)?]));
            return Some((of(7)?, of(5)?));
        }
        rest = rest.get(2 + usize::from(u16::from_be_bytes([high, low]))..)?;
    }
}

fn problem(reply: &Reply, request: &Request, status: u16) -> Result<contract::Problem, String> {
    let path = request.target().split('?').next().unwrap_or_default();
    let reply =
        reply.clone().expect(status).map_err(|error| format!("{}: {error}", request.line()))?;
    reply.problem(path).map_err(|error| format!("{}: {error}", request.line()))
}

fn refused(subject: &Subject, request: &Request, status: u16) -> Result<contract::Problem, String> {
    problem(&subject.ask(request)?, request, status)
}

fn bad_queries(subject: &Subject) -> Verdict {
    let queries = [
        ("?width=0", "width"),
        ("?width=2049", "width"),
        ("?width=", "width"),
        ("?width=1.5", "width"),
        ("?width=99999999999999999999", "width"),
        ("?placement=here", "placement"),
    ];
    each(queries, |(query, name)| {
        let problem = refused(subject, &thumbnail(query, IMAGES[0].1), 422)?;
        let loc = problem.errors.first().map(|error| error.loc.clone()).unwrap_or_default();
        ensure!(loc == ["query", name], "{query}: loc is {loc:?}");
        Ok(())
    })
}

fn no_images(subject: &Subject) -> Verdict {
    for placement in ["inline", "offload"] {
        let query = format!("?placement={placement}");
        each(
            [&b""[..], b"hello", b"%PDF-1.7\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>"],
            |body| refused(subject, &thumbnail(&query, body), 415).map(drop),
        )?;
        each(IMAGES, |(format, image)| {
            each([9, 5, 2], |tenths| {
                let cut = &image[..image.len() * tenths / 10];
                let problem = refused(subject, &thumbnail(&query, cut), 422);
                problem.map(drop).map_err(|error| format!("{tenths} tenths of a {format}: {error}"))
            })
        })?;
    }
    Ok(())
}

/// A black square of one bit a pixel: some kilobytes, and one byte a pixel when it is decoded.
pub fn black_square(side: u32) -> Vec<u8> {
    fn chunk(png: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
        png.extend_from_slice(&u32::try_from(data.len()).unwrap_or_default().to_be_bytes());
        let mut sum = Crc::new();
        for part in [&kind[..], data] {
            png.extend_from_slice(part);
            sum.update(part);
        }
        png.extend_from_slice(&sum.sum().to_be_bytes());
    }
    let mut pixels = ZlibEncoder::new(Vec::new(), Compression::fast());
    let row = vec![0; 1 + side.div_ceil(8) as usize];
    for _ in 0..side {
        pixels.write_all(&row).expect("a Vec takes all");
    }
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let head = [&side.to_be_bytes()[..], &side.to_be_bytes(), &[1, 0, 0, 0, 0]].concat();
    chunk(&mut png, b"IHDR", &head);
    chunk(&mut png, b"IDAT", &pixels.finish().expect("a Vec takes all"));
    chunk(&mut png, b"IEND", b"");
    png
}

fn bombs(subject: &Subject) -> Verdict {
    // That the picture is one: a small one of them is made smaller.
    subject.ask(&thumbnail("?width=64", black_square(640)))?.expect(200)?;
    let bomb = black_square(16_000);
    ensure!(bomb.len() < 1 << 20, "the bomb weighs {} bytes itself", bomb.len());
    let before = subject.metric("process_resident_memory_bytes")?;
    let most = std::thread::scope(|scope| {
        let watched = scope.spawn(|| watch_memory(subject, Duration::from_millis(1_500)));
        for placement in ["inline", "offload"] {
            let query = format!("?placement={placement}");
            refused(subject, &thumbnail(&query, bomb.as_slice()), 422)?;
        }
        watched.join().expect("watching does not panic")
    })?;
    let grown = (most - before) / f64::from(1 << 20);
    ensure!(grown < 64.0, "{} kilobytes made it grow by {grown:.0} MiB", bomb.len() >> 10);
    Ok(())
}

/// The most memory it showed in that time.
fn watch_memory(subject: &Subject, time: Duration) -> Result<f64, String> {
    let until = Instant::now() + time;
    let mut most: f64 = 0.0;
    while Instant::now() < until {
        most = most.max(subject.metric("process_resident_memory_bytes")?);
    }
    Ok(most)
}

fn round_trip(subject: &Subject) -> Verdict {
    let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
    each([&b""[..], b"hello", &bytes], |text| {
        each(["inline", "offload"], |placement| {
            let sealed = subject
                .ask(&with_passphrase(&format!("/seal?placement={placement}"), text))?
                .expect(200)?;
            let media_type = sealed.field("content-type");
            ensure!(media_type == Some("application/octet-stream"), "content-type {media_type:?}");
            ensure!(
                text.is_empty() || !sealed.body.windows(text.len()).any(|window| window == text),
                "the text stands in what was sealed"
            );
            let opened = subject
                .ask(&with_passphrase(&format!("/open?placement={placement}"), sealed.body))?
                .expect(200)?;
            ensure!(opened.body == text, "{} bytes came back as {}", text.len(), opened.body.len());
            Ok(())
        })
    })?;
    let seal =
        || Ok::<_, String>(subject.ask(&with_passphrase("/seal", "hello"))?.expect(200)?.body);
    ensure!(seal()? != seal()?, "the same text was sealed to the same bytes twice");
    Ok(())
}

fn bad_passphrases(subject: &Subject) -> Verdict {
    let long = "x".repeat(257);
    each(["/seal", "/open"], |target| {
        each([None, Some(""), Some("short"), Some("pässphräse"), Some(&long)], |phrase| {
            let request = Request::new("POST", target).body("hello");
            let request = phrase
                .into_iter()
                .fold(request, |request, phrase| request.field("X-Passphrase", phrase));
            let problem = refused(subject, &request, 422)?;
            let error = problem.errors.first().ok_or("a 422 without errors")?;
            ensure!(error.loc == ["header", "x-passphrase"], "{phrase:?}: loc is {:?}", error.loc);
            ensure!(error.input.is_none(), "{phrase:?}: the passphrase is sent back");
            Ok(())
        })
    })
}

fn unopened(subject: &Subject) -> Verdict {
    let sealed = subject.ask(&with_passphrase("/seal", "hello"))?.expect(200)?.body;
    for placement in ["inline", "offload"] {
        let open = format!("/open?placement={placement}");
        let other = Request::new("POST", &open).field("X-Passphrase", "another passphrase");
        refused(subject, &other.body(sealed.as_slice()), 422)?;
        each([0, 7, 8, 30, 47, 50, sealed.len() - 1], |at| {
            let mut changed = sealed.clone();
            changed[at] ^= 0x20;
            refused(subject, &with_passphrase(&open, changed), 422)
                .map(drop)
                .map_err(|error| format!("byte {at}: {error}"))
        })?;
        each([0, 1, 8, 48, 63, sealed.len() - 1], |length| {
            refused(subject, &with_passphrase(&open, &sealed[..length]), 422).map(drop)
        })?;
    }
    Ok(())
}

fn hostile(subject: &Subject) -> Verdict {
    each(IMAGES, |(format, image)| {
        each((0..image.len()).step_by(29), |at| {
            let mut changed = image.to_vec();
            changed[at] = !changed[at];
            let placement = if at % 2 == 0 { "inline" } else { "offload" };
            let query = format!("?width=7&placement={placement}");
            let reply = subject.ask(&thumbnail(&query, changed))?;
            let fine = matches!(reply.status, 200 | 415 | 422);
            ensure!(fine, "a {format} with another byte {at} got {}", reply.status);
            Ok(())
        })
    })?;
    subject.get_with("/wait/0", 200).map(drop)
}

fn too_large(subject: &Subject) -> Verdict {
    let over = usize::try_from(subject.limits.media_bytes).unwrap_or_default() + 1;
    each(["/thumbnail", "/seal", "/open"], |target| {
        refused(subject, &with_passphrase(target, vec![b'x'; over]), 413).map(drop)
    })
}

fn budget(subject: &Subject) -> Verdict {
    let text = vec![b'x'; 2_000];
    for target in ["/thumbnail", "/seal", "/open", "/jobs/seal"] {
        let request = with_passphrase(target, text.clone());
        let bytes = request.bytes(&subject.host);
        // All but the last byte: it is held, and waits.
        let mut first = subject.connect()?.connection;
        first.send(&bytes[..bytes.len() - 1]).map_err(|error| error.to_string())?;
        let deadline = Instant::now() + Duration::from_millis(400);
        while subject.metric("body_bytes_held")? < 1_999.0 {
            ensure!(Instant::now() < deadline, "{target}: body_bytes_held does not show the body");
        }
        let refused = problem(&subject.ask(&request)?, &request, 503)?;
        ensure!(refused.detail.contains("memory"), "{target}: {}", refused.detail);
        first.send(&bytes[bytes.len() - 1..]).map_err(|error| error.to_string())?;
        let reply = first.reply(false, Duration::from_secs(10));
        let reply = reply.map_err(|error| format!("{target}: {error}"))?;
        let status = reply.status;
        // No image, and nothing that was sealed: but all of it was read.
        ensure!(matches!(status, 200 | 202 | 415 | 422), "{target}: the first got {status}");
        if let Some(job) = reply.field("location") {
            subject.ask(&Request::new("DELETE", job))?.expect(200)?;
        }
    }
    let held = subject.metric("body_bytes_held")?;
    ensure!(held < 0.5, "{held} bytes are held after the last reply");
    subject.ask(&with_passphrase("/seal", text))?.expect(200).map(drop)
}

fn bounded(subject: &Subject) -> Verdict {
    ensure!(
        (subject.metric("limit_cpu_threads")? - 1.0).abs() < 0.5,
        "limit_cpu_threads does not show --cpu-threads"
    );
    // One computes and two wait; a key takes much longer than all of these take to be sent.
    let request = with_passphrase("/seal?placement=offload", "hello");
    let bytes = request.bytes(&subject.host);
    let mut clients = Vec::new();
    for _ in 0..30 {
        clients.push(subject.connect()?.connection);
    }
    for client in &mut clients {
        client.send(&bytes).map_err(|error| error.to_string())?;
    }
    let (mut taken, mut full) = (0, 0);
    for client in &mut clients {
        let reply =
            client.reply(false, Duration::from_secs(10)).map_err(|error| error.to_string())?;
        match reply.status {
            200 => taken += 1,
            503 => {
                let after = reply.field("retry-after").and_then(|value| value.parse::<u64>().ok());
                ensure!(after.is_some_and(|after| after >= 1), "Retry-After is {after:?}");
                // Taken, but on a busy machine the deadline may pass before its turn.
                let refused = problem(&reply, &request, 503)?;
                let is_full = refused.detail == contract::Problem::cpu_full().detail;
                *if is_full { &mut full } else { &mut taken } += 1;
            }
            other => return Err(format!("one of thirty at once got {other}")),
        }
    }
    ensure!(taken >= 3, "of thirty at once {taken} were taken: one computes and two may wait");
    ensure!(full >= 1, "none of thirty at once was refused, though one computes and two may wait");
    subject.ask(&request)?.expect(200).map(drop)
}
