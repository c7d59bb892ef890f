//! actix-web as its documentation begins: `HttpServer`, an app, two handlers.

use actix_web::body::MessageBody;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{App, HttpResponse, HttpServer, web};
use contract::headers;
use controls::{Burn, Control, PLAINTEXT, fields, waited};

fn main() -> anyhow::Result<()> {
    let (control, listener) = Control::listen()?;
    let burns = control.burns();
    actix_web::rt::System::new().block_on(async {
        let app = move || {
            App::new()
                .app_data(web::Data::new(burns))
                .route("/plaintext", web::get().to(plaintext))
                .route("/wait/{seconds}", web::get().to(wait))
        };
        Ok(HttpServer::new(app).workers(control.workers.get()).listen(listener)?.run().await?)
    })
}

async fn plaintext(burns: web::Data<Burn>) -> HttpResponse {
    burns.spend();
    reply(headers::TEXT, PLAINTEXT)
}

async fn wait(seconds: web::Path<f64>) -> HttpResponse {
    actix_web::rt::time::sleep(controls::wait(*seconds)).await;
    reply(headers::JSON, waited(*seconds))
}

fn reply(media: &'static str, text: impl MessageBody + 'static) -> HttpResponse {
    let mut reply = HttpResponse::Ok();
    for (name, value) in fields(media) {
        reply.insert_header((HeaderName::from_static(name), HeaderValue::from_static(value)));
    }
    reply.body(text)
}
