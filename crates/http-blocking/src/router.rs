//! Paths to handlers: `Router::new().route("/wait/{seconds}", get(wait)).with_state(state)`.

use std::sync::Arc;

use http::StatusCode;

use crate::method_router::{Endpoint, bound, endpoint};
use crate::{Handler, IntoResponse, MethodRouter, Request, Response, Service};

/// Routes on the raw path: dot segments and percent-encoding are left as they came, so `/wait/1/` and `/wait/%31` are
/// not `/wait/1`. `S` is the state that handlers still miss; a router that misses none is a [`Service`].
pub struct Router<S = ()> {
    matcher: matchit::Router<usize>,
    routes: Vec<MethodRouter<S>>,
    fallback: Option<Endpoint<S>>,
    method_not_allowed: Option<Endpoint<S>>,
}

impl<S: Send + Sync + 'static> Router<S> {
    /// Answers every path with 404.
    pub fn new() -> Self {
        Self {
            matcher: matchit::Router::new(),
            routes: Vec::new(),
            fallback: None,
            method_not_allowed: None,
        }
    }

    /// Answers `path`, where `{name}` stands for one segment and `{*name}` for the rest.
    ///
    /// # Panics
    /// When the path is malformed or conflicts with one already there.
    #[must_use]
    pub fn route(mut self, path: &str, methods: MethodRouter<S>) -> Self {
        if let Err(error) = self.matcher.insert(path, self.routes.len()) {
            panic!("cannot route `{path}`: {error}");
        }
        self.routes.push(methods);
        self
    }

    /// Answers the paths that no route matches, instead of a bare 404.
    #[must_use]
    pub fn fallback<H: Handler<T, S>, T: 'static>(mut self, handler: H) -> Self {
        self.fallback = Some(endpoint(handler));
        self
    }

    /// Answers known paths with an unknown method, instead of a bare 405. `Allow` is added to its answer.
    #[must_use]
    pub fn method_not_allowed_fallback<H: Handler<T, S>, T: 'static>(mut self, handler: H) -> Self {
        self.method_not_allowed = Some(endpoint(handler));
        self
    }

    /// Gives the handlers the state they miss.
    pub fn with_state(self, state: S) -> Router<()> {
        let state = Arc::new(state);
        Router {
            matcher: self.matcher,
            routes: self.routes.into_iter().map(|methods| methods.bind(&state)).collect(),
            fallback: self.fallback.map(|endpoint| bound(endpoint, &state)),
            method_not_allowed: self.method_not_allowed.map(|endpoint| bound(endpoint, &state)),
        }
    }
}

impl<S: Send + Sync + 'static> Default for Router<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl Service for Router<()> {
    fn call(&self, mut request: Request) -> Response {
        let Some(methods) = self.find(request.uri().path()) else {
            return match &self.fallback {
                Some(fallback) => fallback.answer(&mut request, &()),
                None => StatusCode::NOT_FOUND.into_response(),
            };
        };
        if let Some(endpoint) = methods.endpoint(request.method()) {
            return endpoint.answer(&mut request, &());
        }
        let mut response = match &self.method_not_allowed {
            Some(fallback) => fallback.answer(&mut request, &()),
            None => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        };
        methods.set_allow(&mut response);
        response
    }
}

impl Router<()> {
    /// The route alone. What stands in the path for its `{name}` is for the handler to read: noted here, every request would
    /// pay for it.
    fn find(&self, path: &str) -> Option<&MethodRouter> {
        let found = self.matcher.at(path).ok()?;
        Some(&self.routes[*found.value])
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::{Body, State, get};

    fn ask(router: &Router, method: Method, path: &str) -> (u16, String, Option<String>) {
        let request = http::Request::builder().method(method).uri(path).body(Body::empty());
        let response = router.call(request.unwrap());
        let allow = response.headers().get("allow").map(|allow| allow.to_str().unwrap().to_owned());
        let text = String::from_utf8(response.body().as_bytes().unwrap().to_vec()).unwrap();
        (response.status().as_u16(), text, allow)
    }

    fn wait(request: Request) -> String {
        request.uri().path().to_owned()
    }

    fn sum(State(number): State<u8>, request: Request) -> String {
        format!("{} {number}", request.method())
    }

    fn router() -> Router {
        Router::new()
            .route("/wait/{seconds}", get(wait))
            .route("/sum", get(sum).post(sum).delete(sum))
            .with_state(7)
    }

    #[test]
    fn a_name_in_braces_stands_for_one_raw_segment() {
        let router = router();
        assert_eq!(ask(&router, Method::GET, "/wait/1%2f?x=1").1, "/wait/1%2f");
        for path in ["/wait/", "/wait/1/", "/wait", "/no", "*", "/wait/1/../2"] {
            assert_eq!(ask(&router, Method::GET, path).0, 404, "{path}");
        }
    }

    #[test]
    fn head_is_served_by_get_and_other_methods_are_told_what_is_allowed() {
        let router = router();
        assert_eq!(ask(&router, Method::HEAD, "/sum").1, "HEAD 7");
        let (status, _, allow) = ask(&router, Method::PUT, "/sum");
        assert_eq!((status, allow.as_deref()), (405, Some("GET, HEAD, POST, DELETE")));
        assert_eq!(ask(&router, Method::OPTIONS, "/wait/1").2.as_deref(), Some("GET, HEAD"));
    }

    #[test]
    fn fallbacks_answer_what_no_route_does() {
        let router = Router::new()
            .route("/sum", get(sum))
            .fallback(|| (StatusCode::NOT_FOUND, "nothing here"))
            .method_not_allowed_fallback(|| (StatusCode::METHOD_NOT_ALLOWED, "not so"))
            .with_state(1);
        assert_eq!(ask(&router, Method::GET, "/").1, "nothing here");
        let (status, text, allow) = ask(&router, Method::POST, "/sum");
        assert_eq!((status, text.as_str(), allow.as_deref()), (405, "not so", Some("GET, HEAD")));
    }
}
