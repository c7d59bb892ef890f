//! `POST /open?placement=`: what `/seal` has sealed, in the clear again; in the handler or on the pool for computing.

use std::time::Duration;

use contract::headers::BYTES;
use contract::{Deadline, Media, Passphrase, Placement, Sealing};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http_blocking::{IntoResponse, State};

use crate::app::App;
use crate::body::Body;
use crate::extract::{Head, Query};
use crate::reply::Error;

/// Costs a key, as sealing does, whether the passphrase is right or not.
pub(crate) fn open(
    State(app): State<App>,
    Query(asked): Query<Sealing>,
    Head(passphrase): Head<Passphrase>,
    body: Body<Media>,
) -> Result<impl IntoResponse, Error> {
    let sealed = body.whole()?;
    let deadline = Deadline::default().bounded(&app.limits, Duration::ZERO);
    let work = move |go_on: &dyn Fn() -> bool| compute::open(&sealed, passphrase.as_str(), go_on);
    let text = match asked.placement {
        Placement::Inline => app.cpu.inline(deadline, work)??,
        Placement::Offload => app.cpu.offload(deadline, work)??,
    };
    Ok(([(CONTENT_TYPE, HeaderValue::from_static(BYTES))], text))
}
