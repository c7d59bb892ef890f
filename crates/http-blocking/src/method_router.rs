//! The methods of one path: `get(wait).put(store)`.

use std::marker::PhantomData;
use std::sync::Arc;

use http::header::ALLOW;
use http::{HeaderValue, Method};

use crate::{Handler, Request, Response};

/// Answers `GET` (and `HEAD`, whose content the server leaves away) with `handler`.
pub fn get<H: Handler<T, S>, T: 'static, S: 'static>(handler: H) -> MethodRouter<S> {
    MethodRouter::new().get(handler)
}

/// Answers `POST` with `handler`.
pub fn post<H: Handler<T, S>, T: 'static, S: 'static>(handler: H) -> MethodRouter<S> {
    MethodRouter::new().post(handler)
}

/// Answers `PUT` with `handler`.
pub fn put<H: Handler<T, S>, T: 'static, S: 'static>(handler: H) -> MethodRouter<S> {
    MethodRouter::new().put(handler)
}

/// The handlers of one path, one for each method it knows. Other methods get 405 and `Allow`.
pub struct MethodRouter<S = ()> {
    get: Option<Endpoint<S>>,
    post: Option<Endpoint<S>>,
    put: Option<Endpoint<S>>,
    delete: Option<Endpoint<S>>,
}

impl<S: 'static> MethodRouter<S> {
    /// Knows no method yet.
    pub fn new() -> Self {
        Self { get: None, post: None, put: None, delete: None }
    }

    /// Answers `GET` and `HEAD` too.
    #[must_use]
    pub fn get<H: Handler<T, S>, T: 'static>(self, handler: H) -> Self {
        Self { get: Some(endpoint(handler)), ..self }
    }

    /// Answers `POST` too.
    #[must_use]
    pub fn post<H: Handler<T, S>, T: 'static>(self, handler: H) -> Self {
        Self { post: Some(endpoint(handler)), ..self }
    }

    /// Answers `PUT` too.
    #[must_use]
    pub fn put<H: Handler<T, S>, T: 'static>(self, handler: H) -> Self {
        Self { put: Some(endpoint(handler)), ..self }
    }

    /// Answers `DELETE` too.
    #[must_use]
    pub fn delete<H: Handler<T, S>, T: 'static>(self, handler: H) -> Self {
        Self { delete: Some(endpoint(handler)), ..self }
    }

    pub(crate) fn endpoint(&self, method: &Method) -> Option<&Endpoint<S>> {
        match *method {
            Method::GET | Method::HEAD => self.get.as_ref(),
            Method::POST => self.post.as_ref(),
            Method::PUT => self.put.as_ref(),
            Method::DELETE => self.delete.as_ref(),
            _ => None,
        }
    }

    /// Says in `Allow` what the path knows, unless the answer says it already.
    pub(crate) fn set_allow(&self, response: &mut Response) {
        let known = [
            (self.get.is_some(), "GET, HEAD"),
            (self.post.is_some(), "POST"),
            (self.put.is_some(), "PUT"),
            (self.delete.is_some(), "DELETE"),
        ];
        let known = known.iter().filter(|(known, _)| *known).map(|(_, name)| *name);
        let value = HeaderValue::from_str(&known.collect::<Vec<_>>().join(", "))
            .expect("method names are visible ASCII");
        response.headers_mut().entry(ALLOW).or_insert(value);
    }

    pub(crate) fn bind(self, state: &Arc<S>) -> MethodRouter<()>
    where
        S: Send + Sync,
    {
        let bind = |endpoint: Option<Endpoint<S>>| endpoint.map(|endpoint| bound(endpoint, state));
        MethodRouter {
            get: bind(self.get),
            post: bind(self.post),
            put: bind(self.put),
            delete: bind(self.delete),
        }
    }
}

impl<S: 'static> Default for MethodRouter<S> {
    fn default() -> Self {
        Self::new()
    }
}

/// A handler whose argument types are forgotten.
pub(crate) type Endpoint<S> = Box<dyn Answer<S>>;

pub(crate) trait Answer<S>: Send + Sync {
    fn answer(&self, request: &mut Request, state: &S) -> Response;
}

pub(crate) fn endpoint<H: Handler<T, S>, T: 'static, S: 'static>(handler: H) -> Endpoint<S> {
    Box::new(Typed { handler, arguments: PhantomData })
}

pub(crate) fn bound<S: Send + Sync + 'static>(
    endpoint: Endpoint<S>,
    state: &Arc<S>,
) -> Endpoint<()> {
    Box::new(Bound { endpoint, state: Arc::clone(state) })
}

struct Typed<H, T> {
    handler: H,
    arguments: PhantomData<fn() -> T>,
}

impl<H: Handler<T, S>, T, S> Answer<S> for Typed<H, T> {
    fn answer(&self, request: &mut Request, state: &S) -> Response {
        self.handler.call(request, state)
    }
}

struct Bound<S> {
    endpoint: Endpoint<S>,
    state: Arc<S>,
}

impl<S: Send + Sync> Answer<()> for Bound<S> {
    fn answer(&self, request: &mut Request, (): &()) -> Response {
        self.endpoint.answer(request, &self.state)
    }
}
