//! `Path`, `Query` and `Head`: a handler asks for a value by its type, and gets one that is right.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use contract::{FieldParams, PathParam, QueryParams};

use crate::app::App;
use crate::edge::Fields;
use crate::reply::Error;

/// The value of the path's parameter.
pub(crate) struct Path<T>(pub(crate) T);

/// The values of the query.
pub(crate) struct Query<T>(pub(crate) T);

/// The values of the request's fields.
pub(crate) struct Head<T>(pub(crate) T);

impl<T: PathParam> FromRequest for Path<T> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let value = T::from_path(request.uri().path(), &app(request).limits);
        ready(value.map(Self).map_err(Error))
    }
}

impl<T: QueryParams> FromRequest for Query<T> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let value = T::from_query(request.uri().query(), &app(request).limits);
        ready(value.map(Self).map_err(Error))
    }
}

impl<T: FieldParams> FromRequest for Head<T> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let fields = Fields(request.headers());
        let value = T::from_fields(&fields, &app(request).limits);
        ready(value.map(Self).map_err(Error))
    }
}

/// What every handler can reach, and so may whoever makes its arguments.
pub(crate) fn app(request: &HttpRequest) -> &App {
    request.app_data::<Data<App>>().expect("`routes` gives it to each")
}
