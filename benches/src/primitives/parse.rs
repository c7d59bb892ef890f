//! A browser's request head, 14 fields, read by the parser that all three servers stand on, and by the blocking server's own
//! code over it: every rule that hyper and actix-http add to httparse, and the vocabulary of the `http` crate out of it.

use std::hint::black_box;

use http_blocking::{Limits, head};

use crate::Harness;

const HEAD: &[u8] = b"GET /github-user/octocat HTTP/1.1\r\n\
Host: waitlab.example:8080\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\n\
Referer: http://waitlab.example:8080/docs/\r\n\
Connection: keep-alive\r\n\
Cookie: theme=dark; session=3f1c5b1a0e8d4c6f9b7a2d5e\r\n\
Upgrade-Insecure-Requests: 1\r\n\
Sec-Fetch-Dest: document\r\n\
Sec-Fetch-Mode: navigate\r\n\
Sec-Fetch-Site: same-origin\r\n\
DNT: 1\r\n\
Priority: u=0, i\r\n\
\r\n";

pub(super) fn measure(harness: &mut Harness) {
    let mut group = harness.group("parse/head", 1);
    group.measure("httparse", |bencher| {
        bencher.iter(|| {
            let mut fields = [httparse::EMPTY_HEADER; 96];
            let mut request = httparse::Request::new(&mut fields);
            let status = request.parse(black_box(HEAD)).expect("it is a head");
            black_box((status, request.headers.len()))
        });
    });
    let limits = Limits::default();
    group.measure("http-blocking", |bencher| {
        bencher.iter(|| head::parse(black_box(HEAD), &limits).expect("it is a head"));
    });
}
