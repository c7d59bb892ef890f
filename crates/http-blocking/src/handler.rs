//! Plain functions as handlers: their arguments are taken from the request, their return value becomes the answer.

use crate::{FromRequest, IntoResponse, Request, Response};

/// A function that answers requests. Implemented for functions of up to six extractors; `T` stands for their types
/// and only keeps the implementations apart.
pub trait Handler<T, S>: Clone + Send + Sync + 'static {
    /// Takes the arguments from the request and calls the function. The first argument that is refused is the answer.
    fn call(&self, request: &mut Request, state: &S) -> Response;
}

macro_rules! handlers {
    ($($argument:ident)*) => {
        impl<F, S, R, $($argument,)*> Handler<($($argument,)*), S> for F
        where
            F: Fn($($argument,)*) -> R + Clone + Send + Sync + 'static,
            R: IntoResponse,
            $($argument: FromRequest<S>,)*
        {
            fn call(&self, request: &mut Request, state: &S) -> Response {
                let _ = (&request, state);
                settle(|| Ok(self($(take::<$argument, S>(request, state)?,)*).into_response()))
            }
        }
    };
}

handlers!();
handlers!(A);
handlers!(A B);
handlers!(A B C);
handlers!(A B C D);
handlers!(A B C D E);
handlers!(A B C D E G);

fn take<T: FromRequest<S>, S>(request: &mut Request, state: &S) -> Result<T, Response> {
    T::from_request(request, state).map_err(IntoResponse::into_response)
}

fn settle(answer: impl FnOnce() -> Result<Response, Response>) -> Response {
    answer().unwrap_or_else(|rejection| rejection)
}
