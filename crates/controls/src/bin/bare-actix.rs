//! actix-web as its documentation begins: `HttpServer`, an app, two handlers.

use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{App, HttpResponse, HttpServer, web};
use controls::{Control, FIELDS};

fn main() -> anyhow::Result<()> {
    let (control, listener) = Control::listen()?;
    actix_web::rt::System::new().block_on(async {
        let app = || {
            App::new()
                .route("/plaintext", web::get().to(async || reply("Hello, World!".to_owned())))
                .route("/wait/{seconds}", web::get().to(wait))
        };
        Ok(HttpServer::new(app).workers(control.workers.get()).listen(listener)?.run().await?)
    })
}

async fn wait(seconds: web::Path<f64>) -> HttpResponse {
    actix_web::rt::time::sleep(Duration::from_secs_f64(seconds.clamp(0.0, 60.0))).await;
    reply(format!("Waited for {seconds} seconds!"))
}

fn reply(text: String) -> HttpResponse {
    let mut reply = HttpResponse::Ok();
    for (name, value) in FIELDS {
        reply.insert_header((HeaderName::from_static(name), HeaderValue::from_static(value)));
    }
    reply.body(text)
}
