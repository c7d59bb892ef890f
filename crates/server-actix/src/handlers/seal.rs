//! `POST /seal?placement=`: data encryption, in the handler or on the pool for computing.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Data;
use compute::Fresh;
use contract::headers::BYTES;
use contract::{Deadline, Media, Passphrase, Placement, Sealing};

use crate::app::App;
use crate::body::Body;
use crate::extract::{Head, Query};
use crate::reply::Error;

/// The key takes tens of milliseconds and 19 MiB; inline, every task of this worker waits that long.
pub(crate) async fn seal(
    app: Data<App>,
    Query(asked): Query<Sealing>,
    Head(passphrase): Head<Passphrase>,
    body: Body<Media>,
) -> Result<HttpResponse, Error> {
    let text = body.whole().await?;
    let deadline = Deadline::default().bounded(&app.limits, Duration::ZERO);
    let work = move |go_on: &dyn Fn() -> bool| {
        compute::seal(&text, passphrase.as_str(), Fresh::draw(), go_on)
    };
    let sealed = match asked.placement {
        Placement::Inline => app.cpu.inline(deadline, work).await??,
        Placement::Offload => app.cpu.offload(deadline, work).await??,
    };
    Ok(HttpResponse::Ok().content_type(BYTES).body(sealed))
}
