//! The operations of the contract's document, as places to put something: so no list of them is kept by hand.

use serde_json::{Map, Value, json};

use crate::client::Request;

/// One operation of the document.
pub(super) struct Operation {
    pub(super) method: String,
    path: String,
    told: Value,
    is_pitfall: bool,
}

/// A target with a hole for what is put there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) method: String,
    before: String,
    after: String,
}

/// All of them.
pub(super) fn operations() -> Vec<Operation> {
    let document = document();
    let paths = document["paths"].as_object().expect("the document has paths");
    let each = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(|(method, told)| Operation {
            method: match told["responses"]["200"]["content"].get("text/event-stream") {
                // A stream of events has no end to wait for; its head is decided by the same reading.
                Some(_) => "HEAD".to_owned(),
                None => method.to_ascii_uppercase(),
            },
            path: path.clone(),
            told: told.clone(),
            is_pitfall: told["tags"] == json!(["pitfalls"]),
        })
    });
    each.collect()
}

fn document() -> Value {
    serde_json::from_str(contract::openapi::json()).expect("the document is JSON")
}

impl Operation {
    /// Whether it is served without `--pitfalls`, and only reads.
    pub(super) fn only_reads(&self) -> bool {
        reads(&self.method) && !self.is_pitfall
    }

    /// Each path parameter and each query parameter in turn, and a query that nobody reads.
    pub(super) fn places(&self) -> Vec<Place> {
        let place =
            |before: String, after: String| Place { method: self.method.clone(), before, after };
        let in_path = self.parameters("path").map(|name| {
            let hole = format!("{{{name}}}");
            let (before, after) = self.path.split_once(&hole).expect("its path names it");
            place(self.filled(before), self.filled(after))
        });
        let target = self.target();
        let in_query = self.parameters("query");
        let in_query = in_query.map(|name| place(format!("{target}?{name}="), String::new()));
        let nobodys = place(format!("{target}?"), String::new());
        in_path.chain(in_query).chain([nobodys]).collect()
    }

    /// The fields that it reads, by name.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        self.parameters("header")
    }

    /// The target with an example wherever something has to stand.
    pub(super) fn target(&self) -> String {
        self.filled(&self.path)
    }

    /// The types of the bodies that it takes, when it takes one.
    pub(super) fn media_types(&self) -> Vec<&str> {
        let content = self.told["requestBody"]["content"].as_object();
        content.into_iter().flat_map(Map::keys).map(String::as_str).collect()
    }

    /// Each member of its JSON body in turn with each of these values, beside others that are right.
    pub(super) fn members(&self, values: &[&str]) -> Vec<Vec<u8>> {
        let schema = &self.told["requestBody"]["content"]["application/json"]["schema"];
        let document = document();
        let schema = match schema["$ref"].as_str() {
            Some(name) => document.pointer(name.trim_start_matches('#')).unwrap_or(&Value::Null),
            None => schema,
        };
        let Some(members) = schema["properties"].as_object() else { return Vec::new() };
        let right = |told: &Value| match told["type"].as_str() {
            Some("array") => "[]",
            Some("integer" | "number") => "1",
            _ => r#""a""#,
        };
        let with = |hostile: &String, value: &str| {
            let pair = |(name, told): (&String, &Value)| {
                let value = if name == hostile { value } else { right(told) };
                format!("{}:{value}", json!(name))
            };
            let pairs: Vec<_> = members.iter().map(pair).collect();
            format!("{{{}}}", pairs.join(",")).into_bytes()
        };
        members.keys().flat_map(|name| values.iter().map(move |value| with(name, value))).collect()
    }

    fn parameters<'a>(&'a self, place: &'a str) -> impl Iterator<Item = &'a str> {
        let all = self.told["parameters"].as_array().into_iter().flatten();
        all.filter(move |one| one["in"] == place).filter_map(|one| one["name"].as_str())
    }

    /// Examples in the placeholders of this part of its path.
    fn filled(&self, part: &str) -> String {
        let all = self.told["parameters"].as_array().into_iter().flatten();
        all.fold(part.to_owned(), |part, one| {
            let hole = format!("{{{}}}", one["name"].as_str().unwrap_or_default());
            let example = match (&one["name"], &one["example"]) {
                // What waits is asked to wait for nothing, and what goes on to stop soon.
                (Value::String(name), _) if name == "seconds" => "0".to_owned(),
                (Value::String(name), _) if name == "count" => "1".to_owned(),
                (_, Value::String(text)) => text.clone(),
                (_, other) => other.to_string(),
            };
            part.replace(&hole, &example)
        })
    }
}

impl Place {
    /// The target with this put there, and a body where one may be.
    pub(super) fn with(&self, value: &str) -> Request {
        let target = [&self.before, value, &self.after].concat();
        let request = Request::new(&self.method, &target);
        if reads(&self.method) { request } else { request.body("{}") }
    }
}

/// Whether a request of this method has no body.
pub(super) fn reads(method: &str) -> bool {
    matches!(method, "GET" | "HEAD")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(method: &str) -> Vec<String> {
        let places = operations().into_iter().flat_map(|operation| operation.places());
        let places = places.filter(|place| place.method == method);
        places.map(|place| place.with("X").target().to_owned()).collect()
    }

    #[test]
    fn every_parameter_of_every_operation_is_a_place() {
        let document = document();
        let parameters = document["paths"].as_object().unwrap().values();
        let parameters = parameters.flat_map(|item| item.as_object().unwrap().values());
        let parameters = parameters.flat_map(|told| told["parameters"].as_array().into_iter());
        let count = parameters.flatten().filter(|one| one["in"] != "header").count();
        let places: usize = operations().iter().map(|operation| operation.places().len() - 1).sum();
        assert!(places == count && places >= 40, "{places} places, {count} parameters");
    }

    #[test]
    fn a_place_is_filled_and_what_stands_beside_it_has_its_example() {
        let reads = all("GET");
        for target in ["/jobs/X/result", "/notes?limit=X", "/work?placement=X", "/docs?X"] {
            assert!(reads.iter().any(|read| read == target), "{target} is not in {reads:?}");
        }
        assert!(all("POST").contains(&"/jobs/wait?width=X".to_owned()));
        assert!(all("DELETE").contains(&"/notes/X".to_owned()));
    }

    #[test]
    fn each_member_of_a_json_body_is_a_place() {
        let notes =
            operations().into_iter().find(|one| one.method == "POST" && one.path == "/notes");
        let bodies = notes.unwrap().members(&["null"]);
        let bodies: Vec<_> = bodies.iter().map(|body| String::from_utf8_lossy(body)).collect();
        assert!(bodies.iter().any(|body| body.contains(r#""title":null"#)), "{bodies:?}");
        assert!(bodies.iter().any(|body| body.contains(r#""body":null"#)), "{bodies:?}");
    }
}
