//! `Path`, `Query` and `Head`: a handler asks for a value by its type, and gets one that is right.

use contract::{FieldParams, PathParam, QueryParams};
use http_blocking::{FromRequest, Request};

use crate::app::App;
use crate::reply::Error;

/// The value of the path's parameter.
pub(crate) struct Path<T>(pub(crate) T);

/// The values of the query.
pub(crate) struct Query<T>(pub(crate) T);

/// The values of the request's fields.
pub(crate) struct Head<T>(pub(crate) T);

impl<T: PathParam> FromRequest<App> for Path<T> {
    type Rejection = Error;

    fn from_request(request: &mut Request, app: &App) -> Result<Self, Error> {
        Ok(Self(T::from_path(request.uri().path(), &app.limits)?))
    }
}

impl<T: QueryParams> FromRequest<App> for Query<T> {
    type Rejection = Error;

    fn from_request(request: &mut Request, app: &App) -> Result<Self, Error> {
        Ok(Self(T::from_query(request.uri().query(), &app.limits)?))
    }
}

impl<T: FieldParams> FromRequest<App> for Head<T> {
    type Rejection = Error;

    fn from_request(request: &mut Request, app: &App) -> Result<Self, Error> {
        Ok(Self(T::from_fields(request.headers(), &app.limits)?))
    }
}
