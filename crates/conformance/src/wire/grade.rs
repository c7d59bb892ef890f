//! Whether what came back is what a case expects, only tolerates, or neither.

use super::case::{Case, Conn, Expect, Field};
use super::exchange::Exchange;

/// The judgement on one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grade {
    /// `expect` holds.
    Passed,
    /// Only `tolerate` holds; with what `expect` missed.
    Tolerated(String),
    /// Neither does; with what `expect` missed.
    Failed(String),
}

/// Grades what came back.
pub fn grade(case: &Case, seen: &Exchange) -> Grade {
    let Err(missed) = holds(&case.expect, seen) else { return Grade::Passed };
    match &case.tolerate {
        Some(tolerate) if holds(tolerate, seen).is_ok() => Grade::Tolerated(missed),
        _ => Grade::Failed(missed),
    }
}

fn holds(expect: &Expect, seen: &Exchange) -> Result<(), String> {
    if let Some(rest) = &seen.rest {
        return Err(rest.clone());
    }
    let Some(first) = seen.replies.first() else { return without_reply(expect, seen) };
    // In the one case that withholds its body an interim 100 is an answer.
    let interim = seen.interim.iter().any(|status| expect.status.contains(status));
    ensure!(
        interim || expect.status.contains(&first.status),
        "answered {}, not one of {:?}",
        first.status,
        expect.status
    );
    let count = seen.replies.len();
    let [least, most] = expect.responses.unwrap_or([0, usize::MAX]);
    ensure!((least..=most).contains(&count), "{count} replies, not {least} to {most}");
    if let Some(reply) = seen
        .replies
        .iter()
        .find(|reply| reply.status >= 500 && !expect.status.contains(&reply.status))
    {
        return Err(format!("a reply of {}", reply.status));
    }
    connection(expect, seen)?;
    content(expect, seen)
}

/// Nothing came: allowed where a close or silence is, or where none is the least.
fn without_reply(expect: &Expect, seen: &Exchange) -> Result<(), String> {
    if seen.interim.iter().any(|status| expect.status.contains(status)) {
        return Ok(());
    }
    match seen.closed {
        true if expect.close_ok => Ok(()),
        true => Err("closed without a reply".to_owned()),
        false if expect.silence_ok => Ok(()),
        false => Err("neither answered nor closed".to_owned()),
    }
}

fn connection(expect: &Expect, seen: &Exchange) -> Result<(), String> {
    ensure!(!seen.babbled, "more came than was asked for");
    match (expect.conn, seen.follow_up) {
        (Conn::Open, Some(200)) => {}
        (Conn::Open, Some(other)) => return Err(format!("a follow-up was answered {other}")),
        (Conn::Open, None) => return Err("the connection does not answer a follow-up".to_owned()),
        // A lingering close: nothing more came while we listened.
        (Conn::Close, None) => {}
        (Conn::Close, Some(status)) => {
            return Err(format!("the connection answers a follow-up with {status}"));
        }
        (Conn::Any, Some(status)) => {
            ensure!(
                status == 200,
                "the connection is out of step: a follow-up was answered {status}"
            );
        }
        (Conn::Any, None) => {}
    }
    if expect.not_one_200 {
        let one_200 = seen.replies.len() == 1 && seen.replies[0].status == 200;
        ensure!(
            !one_200 || seen.follow_up.is_some(),
            "one 200 and nothing else: the follow-up was swallowed"
        );
    }
    Ok(())
}

fn content(expect: &Expect, seen: &Exchange) -> Result<(), String> {
    let first = &seen.replies[0];
    for (name, wanted) in &expect.headers {
        let found = first.field(&name.to_ascii_lowercase());
        let right = match wanted {
            Field::Present => found.is_some(),
            Field::Absent => found.is_none(),
            Field::ImfFixdate => found.is_some_and(is_imf_fixdate),
        };
        ensure!(right, "{name} is {found:?}, not {wanted:?}");
    }
    let text = first.text();
    if let Some(wanted) = &expect.body_contains {
        ensure!(text.contains(wanted), "the body {text:?} lacks {wanted:?}");
    }
    if let Some(unwanted) = &expect.body_not_contains {
        ensure!(!text.contains(unwanted), "the body holds {unwanted:?}");
    }
    for (place, wanted) in expect.order.iter().enumerate() {
        let found = seen.replies.get(place).map(|reply| reply.text()).unwrap_or_default();
        ensure!(found.contains(wanted), "reply {} is {found:?}, not {wanted:?}", place + 1);
    }
    ensure!(!expect.no_1xx || seen.interim.is_empty(), "interim replies {:?}", seen.interim);
    // Content after a HEAD's head would have been read as another reply, or as none.
    ensure!(!expect.head || first.body.is_empty(), "content after the head");
    Ok(())
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, and nothing else of the three forms.
fn is_imf_fixdate(value: &str) -> bool {
    httpdate::parse_http_date(value).is_ok_and(|date| httpdate::fmt_http_date(date) == value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::{Reply, Scan};
    use crate::wire::cases;

    fn replies(bytes: &str) -> Vec<Reply> {
        let (mut replies, mut bytes) = (Vec::new(), bytes.as_bytes());
        while !bytes.is_empty() {
            let Ok(Scan::Whole(reply, length)) = Reply::scan(bytes, false, false) else {
                panic!("no reply")
            };
            replies.push(reply);
            bytes = &bytes[length..];
        }
        replies
    }

    fn case(id: &str) -> Case {
        cases().into_iter().find(|case| case.id == id).unwrap()
    }

    const FINE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nlen=5";
    const BAD: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";

    #[test]
    fn an_answer_too_many_fails() {
        let seen =
            |bytes| Exchange { replies: replies(bytes), closed: true, ..Exchange::default() };
        assert_eq!(grade(&case("CN-02"), &seen(FINE)), Grade::Passed);
        assert!(matches!(grade(&case("CN-02"), &seen(&FINE.repeat(2))), Grade::Failed(_)));
    }

    #[test]
    fn what_is_only_tolerated_is_a_warning() {
        let open = |bytes| Exchange {
            replies: replies(bytes),
            follow_up: Some(200),
            ..Exchange::default()
        };
        assert!(matches!(grade(&case("TE-22"), &open(FINE)), Grade::Tolerated(_)));
        let closed = Exchange { replies: replies(BAD), closed: true, ..Exchange::default() };
        assert_eq!(grade(&case("TE-22"), &closed), Grade::Passed);
    }

    #[test]
    fn a_smuggled_request_fails_though_the_first_answer_is_right() {
        let seen = Exchange { replies: replies(FINE), follow_up: Some(404), ..Exchange::default() };
        assert!(matches!(grade(&case("CL-15"), &seen), Grade::Failed(_)));
    }

    #[test]
    fn silence_passes_only_where_it_may() {
        let silent = Exchange::default();
        assert_eq!(grade(&case("TE-21"), &silent), Grade::Passed);
        assert!(matches!(grade(&case("RL-03"), &silent), Grade::Failed(_)));
        let closed = Exchange { closed: true, ..Exchange::default() };
        assert_eq!(grade(&case("RL-03"), &closed), Grade::Passed);
        assert!(matches!(grade(&case("HD-08"), &closed), Grade::Failed(_)));
    }

    #[test]
    fn only_the_preferred_form_of_a_date_is_one() {
        assert!(is_imf_fixdate("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert!(!is_imf_fixdate("Sunday, 06-Nov-94 08:49:37 GMT"));
        assert!(!is_imf_fixdate("Sun Nov  6 08:49:37 1994"));
    }
}
