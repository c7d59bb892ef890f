//! DO NOT COPY: a task in the background is no queue; see `docs/src/pitfalls.md`.
//!
//! `POST /pitfalls/background/{seconds}`: says 202, and then does it in a task of this process.

use actix_web::HttpResponse;
use actix_web::web::Data;
use contract::pitfalls::trace;
use contract::{Promised, Wait};

use crate::app::App;
use crate::deadline::sleep;
use crate::extract::Path;

/// Nobody holds the task: a kill loses it, a drain does not wait for it, and what becomes of it is told to nobody.
pub(crate) async fn background(app: Data<App>, Path(wait): Path<Wait>) -> HttpResponse {
    actix_rt::spawn(async move {
        sleep(wait.duration()).await;
        app.store.add_note(trace("done in the background"), None).await
    });
    HttpResponse::Accepted().json(Promised::after(wait))
}
