//! `/openapi.json` is one document, and each server really has what it describes; `/docs` shows it offline.

use serde_json::Value;

use super::{Check, Needs, Verdict, each};
use crate::Subject;
use crate::client::Request;

pub(super) const CHECKS: &[Check] = &[
    Check::new("openapi.json is the contract's document, byte for byte", Needs::Address, document),
    Check::new("every operation of openapi.json is there", Needs::Pitfalls, operations),
    Check::new(
        "docs is a page whose every file comes from the server itself",
        Needs::Address,
        docs,
    ),
    Check::new("the page at / has its own files and no others", Needs::Address, page),
];

fn document(subject: &Subject) -> Verdict {
    let reply = subject.get_with("/openapi.json", 200)?;
    let media_type = reply.field("content-type");
    ensure!(media_type == Some("application/json"), "content-type {media_type:?}");
    let (found, expected) = (reply.text(), contract::openapi::json());
    let same = found.bytes().zip(expected.bytes()).take_while(|(a, b)| a == b).count();
    ensure!(found == expected, "it differs from byte {same} of {}", expected.len());
    Ok(())
}

/// Asks for every operation with its examples: a path that is not there is a 404 of the router's own, a method that is not
/// there a 405.
fn operations(subject: &Subject) -> Verdict {
    let document = subject.get_with("/openapi.json", 200)?.json()?;
    let paths = document["paths"].as_object().ok_or("the document has no paths")?;
    ensure!(paths.len() >= 13, "the document has {} paths", paths.len());
    let nothing_here = contract::Problem::not_found().detail;
    each(paths, |(path, item)| {
        let methods = item
            .as_object()
            .into_iter()
            .flatten()
            .map(|(method, operation)| (method.to_ascii_uppercase(), operation));
        each(methods, |(method, operation)| {
            let target = filled_in(path, operation);
            // A stream of events has no end to wait for.
            let endless = operation["responses"]["200"]["content"].get("text/event-stream");
            let method = if endless.is_some() { "HEAD".to_owned() } else { method };
            let reply = subject.ask(
                &Request::new(&method, &target)
                    .body(if matches!(method.as_str(), "GET" | "HEAD") { "" } else { "{}" }),
            )?;
            let absent = reply.status == 404 && reply.text().contains(nothing_here.as_ref());
            ensure!(!absent && reply.status != 405, "{method} {target}: {}", reply.status);
            let described = operation["responses"].get(reply.status.to_string()).is_some();
            ensure!(
                described,
                "{method} {target} answered {}, which the document does not tell",
                reply.status
            );
            Ok(())
        })
    })
}

/// The path with an example in each placeholder, and an example for each required query.
fn filled_in(path: &str, operation: &Value) -> String {
    let mut target = path.to_owned();
    let mut query = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default();
        let example = match &parameter["example"] {
            Value::String(text) => text.clone(),
            Value::Array(values) => {
                query.extend(
                    values.iter().filter_map(Value::as_str).map(|value| format!("{name}={value}")),
                );
                continue;
            }
            other => other.to_string(),
        };
        match parameter["in"].as_str() {
            Some("path") => target = target.replace(&format!("{{{name}}}"), &example),
            Some("query") if parameter["required"] == true => {
                query.push(format!("{name}={example}"))
            }
            _ => {}
        }
    }
    if query.is_empty() { target } else { format!("{target}?{}", query.join("&")) }
}

fn page(subject: &Subject) -> Verdict {
    let reply = subject.get_with("/", 200)?;
    ensure!(reply.text() == contract_page(), "it is not the contract's page");
    whole(subject, "/", &reply)?;
    subject.problem("/page/no-such-file.js", 404).map(drop)
}

fn contract_page() -> String {
    String::from_utf8_lossy(&contract::page::index().bytes).into_owned()
}

fn docs(subject: &Subject) -> Verdict {
    let mut page = "/docs".to_owned();
    let mut reply = subject.get(&page)?;
    // As a browser would: one redirect, within this server.
    if matches!(reply.status, 301 | 302 | 303 | 307 | 308) {
        page = reply.field("location").unwrap_or_default().to_owned();
        ensure!(page.starts_with("/docs"), "/docs leads to {page:?}");
        reply = subject.get(&page)?;
    }
    whole(subject, &page, &reply.expect(200)?)?;
    subject.problem("/docs/no-such-file.js", 404).map(drop)
}

/// A page may load its own files, does, and they are there.
fn whole(subject: &Subject, page: &str, reply: &crate::reply::Reply) -> Verdict {
    let media_type = reply.field("content-type").unwrap_or_default();
    ensure!(media_type.starts_with("text/html"), "content-type {media_type:?}");
    let policy = reply.field("content-security-policy").unwrap_or_default();
    ensure!(
        policy.contains("default-src 'self'"),
        "its policy is {policy:?}: it could load nothing"
    );
    let html = reply.text();
    let links: Vec<_> = html
        .split(['"', '\''])
        .zip(html.split(['"', '\'']).skip(1))
        .filter(|(before, _)| before.ends_with("src=") || before.ends_with("href="))
        .map(|(_, link)| link.to_owned())
        .collect();
    ensure!(links.len() >= 3, "the page links {} files", links.len());
    each(&links, |link| {
        ensure!(!link.contains("//"), "the page loads {link} from elsewhere");
        let target = resolved(page, link);
        let file = subject.get_with(&target, 200)?;
        ensure!(!file.body.is_empty(), "{target} is empty");
        ensure!(file.field("content-type").is_some(), "{target} has no content-type");
        Ok(())
    })
}

/// A link as a browser resolves it (RFC 3986 section 5.2, as far as Swagger UI's page needs it).
fn resolved(page: &str, link: &str) -> String {
    if link.starts_with('/') {
        return link.to_owned();
    }
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{folder}/{}", link.trim_start_matches("./"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_resolve_as_in_a_browser() {
        assert_eq!(resolved("/docs", "./a.css"), "/a.css");
        assert_eq!(resolved("/docs/", "a.css"), "/docs/a.css");
        assert_eq!(resolved("/docs/", "/docs/a.css"), "/docs/a.css");
    }

    #[test]
    fn an_operation_is_asked_with_its_examples() {
        let document: Value = serde_json::from_str(contract::openapi::json()).unwrap();
        let of = |path: &str, method: &str| filled_in(path, &document["paths"][path][method]);
        assert_eq!(of("/wait/{seconds}", "get"), "/wait/1");
        assert_eq!(of("/github-users", "get"), "/github-users?username=octocat&username=torvalds");
        assert_eq!(of("/echo", "post"), "/echo");
    }
}
