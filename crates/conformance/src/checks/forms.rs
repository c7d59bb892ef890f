//! `POST /files`: one table of forms, as browsers send them and as nobody should. Three readers cut them, alike.

use contract::StoredFiles;
use contract::form::{MOST_PARTS, PART_HEAD_BYTES};

use super::files::{put, sha256};
use super::{Check, Needs, Verdict, each};
use crate::Subject;
use crate::client::{PATIENCE, Request};

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "forms: each form of the table is read as it must be, however it is cut",
        Needs::Address,
        table,
    ),
    Check::new("forms: every file of a form is stored as it was sent", Needs::Address, stored),
    Check::new("forms: a form that fails stores none of its files", Needs::Address, all_or_none),
    Check::new("forms: neither parts nor their heads are without bound", Needs::Address, bounds),
];

/// A form, and what is answered: the contents of the files that are stored, or a status.
struct Case {
    name: &'static str,
    media_type: &'static str,
    body: &'static [u8],
    answer: Result<&'static [&'static [u8]], u16>,
}

const FORM: &str = "multipart/form-data; boundary=b";

/// `@` stands for the start of a name that is ours alone.
const CASES: &[Case] = &[
    Case { name: "one file", media_type: FORM, body: b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"@1\"\r\n\r\nhello\r\n--b--\r\n", answer: Ok(&[b"hello"]) },
    Case { name: "no line end at the end", media_type: FORM, body: b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"@2\"\r\n\r\nhello\r\n--b--", answer: Ok(&[b"hello"]) },
    Case { name: "two files and a field", media_type: FORM, body: b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"@3\"\r\nContent-Type: text/plain\r\n\r\none\r\n--b\r\nContent-Disposition: form-data; name=\"g\"\r\n\r\nfield\r\n--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"@4\"\r\n\r\ntwo\r\n--b--\r\n", answer: Ok(&[b"one", b"two"]) },
    Case { name: "an empty file", media_type: FORM, body: b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"@5\"\r\n\r\n\r\n--b--\r\n", answer: Ok(&[b""]) },
    Case { name: "content that looks like a boundary", media_type: FORM, body: b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"@6\"\r\n\r\n--b\r\r\n-\r\n--\r\n--a\r\n\r\n--b--\r\n", answer: Ok(&[b"--b\r\r\n-\r\n--\r\n--a\r\n"]) },
    Case { name: "a boundary in quotes", media_type: "multipart/form-data; boundary=\"a b\"", body: b"--a b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"@7\"\r\n\r\nhello\r\n--a b--\r\n", answer: Ok(&[b"hello"]) },
    Case { name: "the type in other case", media_type: "Multipart/Form-Data; Boundary=b", body: b"--b\r\ncontent-disposition: FORM-DATA; NAME=f; FILENAME=@8\r\n\r\nhello\r\n--b--\r\n", answer: Ok(&[b"hello"]) },
    Case { name: "a name that is not ASCII", media_type: FORM, body: "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"@9\u{fc}%22\"\r\n\r\nhello\r\n--b--\r\n".as_bytes(), answer: Ok(&[b"hello"]) },
    Case { name: "text before the first boundary", media_type: FORM, body: b"preamble\r\n--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"@10\"\r\n\r\nhello\r\n--b--\r\n", answer: Ok(&[b"hello"]) },
    Case { name: "text after the last boundary", media_type: FORM, body: b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"@11\"\r\n\r\nhello\r\n--b--\r\nepilogue", answer: Ok(&[b"hello"]) },
    Case { name: "a choice of file left empty", media_type: FORM, body: b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--b--\r\n", answer: Err(422) },
    Case { name: "only a field", media_type: FORM, body: b"--b\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nhello\r\n--b--\r\n", answer: Err(422) },
    Case { name: "no part", media_type: FORM, body: b"--b--\r\n", answer: Err(422) },
    Case { name: "a name that is a path", media_type: FORM, body: b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"../@\"\r\n\r\nhello\r\n--b--\r\n", answer: Err(422) },
    Case { name: "nothing", media_type: FORM, body: b"", answer: Err(400) },
    Case { name: "another boundary", media_type: FORM, body: b"--c\r\nContent-Disposition: form-data; name=\"f\"; filename=\"@\"\r\n\r\nhello\r\n--c--\r\n", answer: Err(400) },
    Case { name: "cut short in the content", media_type: FORM, body: b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"@\"\r\n\r\nhel", answer: Err(400) },
    Case { name: "cut short in the head", media_type: FORM, body: b"--b\r\nContent-Disposition: form-data; na", answer: Err(400) },
    Case { name: "cut short in the last boundary", media_type: FORM, body: b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"@\"\r\n\r\nhello\r\n--b", answer: Err(400) },
    Case { name: "no head", media_type: FORM, body: b"--b\r\n\r\nhello\r\n--b--\r\n", answer: Err(400) },
    Case { name: "no disposition", media_type: FORM, body: b"--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n", answer: Err(400) },
    Case { name: "another disposition", media_type: FORM, body: b"--b\r\nContent-Disposition: attachment; name=f; filename=\"@\"\r\n\r\nhello\r\n--b--\r\n", answer: Err(400) },
    Case { name: "a part without a name", media_type: FORM, body: b"--b\r\nContent-Disposition: form-data; filename=\"@\"\r\n\r\nhello\r\n--b--\r\n", answer: Err(400) },
    Case { name: "a head that is none", media_type: FORM, body: b"--b\r\nContent-Disposition form-data\r\n\r\nhello\r\n--b--\r\n", answer: Err(400) },
    Case { name: "no boundary", media_type: "multipart/form-data", body: b"--b--", answer: Err(400) },
    Case { name: "a boundary that is none", media_type: "multipart/form-data; boundary=\"\"", body: b"----", answer: Err(400) },
    Case { name: "another type", media_type: "application/x-www-form-urlencoded", body: b"f=hello", answer: Err(415) },
    Case { name: "no type", media_type: "", body: b"hello", answer: Err(415) },
];

fn form(media_type: &str, body: &[u8]) -> Request {
    Request::new("POST", "/files").field("Content-Type", media_type).body(body)
}

fn named(body: &[u8], stem: &str) -> Vec<u8> {
    let mut named = Vec::with_capacity(body.len() + stem.len());
    for &byte in body {
        if byte == b'@' { named.extend_from_slice(stem.as_bytes()) } else { named.push(byte) }
    }
    named
}

fn table(subject: &Subject) -> Verdict {
    let stem = format!("form-{:016x}-", fastrand::u64(..));
    each(CASES, |case| {
        let request = form(case.media_type, &named(case.body, &stem)).bytes(&subject.host);
        each([request.len(), 7, 1], |cut| {
            judged(subject, case, &request, cut)
                .map_err(|error| format!("{}, in pieces of {cut}: {error}", case.name))
        })
    })
}

fn judged(subject: &Subject, case: &Case, request: &[u8], cut: usize) -> Verdict {
    let mut connection = subject.connect()?.connection;
    for piece in request.chunks(cut) {
        connection.send_what_is_taken(piece);
    }
    let reply = connection.reply(false, PATIENCE).map_err(|error| error.to_string())?;
    let contents = match case.answer {
        Ok(contents) => contents,
        Err(status) => return reply.expect(status)?.problem("/files").map(drop),
    };
    let reply = reply.expect(201)?;
    let stored: StoredFiles = serde_json::from_slice(&reply.body)
        .map_err(|error| format!("not the contract's files ({error}): {}", reply.text()))?;
    let found: Vec<_> = stored.files.iter().map(|file| (file.size, file.sha256.clone())).collect();
    let expected: Vec<_> =
        contents.iter().map(|content| (content.len() as u64, sha256(content))).collect();
    ensure!(found == expected, "stored {stored:?}");
    each(stored.files.iter().zip(contents), |(file, content)| {
        let name = contract::FileName::parse(&[], &file.name).map_err(|error| error.msg)?;
        let reply = subject.get_with(&name.location(), 200)?;
        ensure!(reply.body == *content, "{name} came back as {:?}", reply.text());
        subject.ask(&Request::new("DELETE", &name.location()))?.expect(204).map(drop)
    })
}

fn part(name: &str, content: &[u8]) -> Vec<u8> {
    let head =
        format!("--b\r\nContent-Disposition: form-data; name=f; filename=\"{name}\"\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn stored(subject: &Subject) -> Verdict {
    let stem = format!("form-{:016x}", fastrand::u64(..));
    let contents: Vec<Vec<u8>> =
        [0, 1, 65_536, 300_000].map(|length| [&b"\r\n--"[..], &vec![b'-'; length]].concat()).into();
    let mut body = Vec::new();
    for (number, content) in contents.iter().enumerate() {
        body.extend_from_slice(&part(&format!("{stem}-{number}"), content));
        body.extend_from_slice(b"--b\r\nContent-Disposition: form-data; name=note\r\n\r\n");
        body.extend_from_slice(&vec![b'n'; 100_000]);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    subject.ask(&form(FORM, &body))?.expect(201)?;
    each(contents.iter().enumerate(), |(number, content)| {
        let path = format!("/files/{stem}-{number}");
        ensure!(subject.get_with(&path, 200)?.body == *content, "file {number} is another");
        subject.ask(&Request::new("DELETE", &path))?.expect(204).map(drop)
    })
}

fn all_or_none(subject: &Subject) -> Verdict {
    let stem = format!("form-{:016x}", fastrand::u64(..));
    let (new, old) = (format!("{stem}-new"), format!("{stem}-old"));
    put(subject, &format!("/files/{old}"), b"old")?.expect(201)?;
    let whole =
        [part(&new, b"x"), part(&old, b"x"), b"--b\r\nContent-Disposition: form-data; na".into()];
    subject.ask(&form(FORM, &whole.concat()))?.expect(400)?;
    subject.problem(&format!("/files/{new}"), 404)?;
    let reply = subject.get_with(&format!("/files/{old}"), 200)?;
    ensure!(reply.body == b"old", "a form that failed has changed a file: {:?}", reply.text());
    subject.ask(&Request::new("DELETE", &format!("/files/{old}")))?.expect(204).map(drop)
}

fn bounds(subject: &Subject) -> Verdict {
    let field = b"--b\r\nContent-Disposition: form-data; name=f\r\n\r\nx\r\n";
    let end = b"--b--\r\n";
    let most = [field.repeat(MOST_PARTS), end.to_vec()].concat();
    subject
        .ask(&form(FORM, &most))?
        .expect(422)
        .map_err(|error| format!("{MOST_PARTS} parts: {error}"))?;
    let over = [field.repeat(10_000), end.to_vec()].concat();
    let one_over = [field.repeat(MOST_PARTS + 1), end.to_vec()].concat();
    let head = |length: usize| {
        let long = format!(
            "--b\r\nContent-Disposition: form-data; name=f\r\nX: {}\r\n\r\nx\r\n",
            "x".repeat(length)
        );
        [long.as_bytes(), end].concat()
    };
    subject.ask(&form(FORM, &head(PART_HEAD_BYTES / 2)))?.expect(422)?;
    each(
        [
            ("10,000 parts", over),
            ("one part too many", one_over),
            ("a head a little too large", head(PART_HEAD_BYTES + 1_000)),
            ("a head of 1 MiB", head(1 << 20)),
            ("a head without end", [&b"--b\r\nX: "[..], &vec![b'x'; 1 << 20]].concat()),
        ],
        |(what, body)| {
            let reply =
                subject.ask(&form(FORM, &body)).map_err(|error| format!("{what}: {error}"))?;
            reply
                .expect(413)
                .map_err(|error| format!("{what}: {error}"))?
                .problem("/files")
                .map(drop)
        },
    )
}
