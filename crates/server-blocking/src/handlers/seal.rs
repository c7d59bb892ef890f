//! `POST /seal?placement=`: data encryption, in the handler or on the pool for computing.

use std::time::Duration;

use compute::Fresh;
use contract::headers::BYTES;
use contract::{Deadline, Media, Passphrase, Placement, Sealing};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http_blocking::{IntoResponse, State};

use crate::app::App;
use crate::body::Body;
use crate::extract::{Head, Query};
use crate::reply::Error;

/// The key takes tens of milliseconds and 19 MiB; inline they are this thread's.
pub(crate) fn seal(
    State(app): State<App>,
    Query(asked): Query<Sealing>,
    Head(passphrase): Head<Passphrase>,
    body: Body<Media>,
) -> Result<impl IntoResponse, Error> {
    let text = body.whole()?;
    let deadline = Deadline::default().bounded(&app.limits, Duration::ZERO);
    let work = move |go_on: &dyn Fn() -> bool| {
        compute::seal(&text, passphrase.as_str(), Fresh::draw(), go_on)
    };
    let sealed = match asked.placement {
        Placement::Inline => app.cpu.inline(deadline, work)??,
        Placement::Offload => app.cpu.offload(deadline, work)??,
    };
    Ok(([(CONTENT_TYPE, HeaderValue::from_static(BYTES))], sealed))
}
