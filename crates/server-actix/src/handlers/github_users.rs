//! `GET /github-users?username=a&username=b…&mode=parallel|sequential`: several calls in one request.

use actix_web::web::{Data, Json};
use contract::{Mode, User, Username, Usernames, Users};
use futures_util::future::join_all;

use crate::app::App;
use crate::extract::Query;
use crate::reply::Error;

/// Asks for every name, one after the other or all at once; each entry is a profile or a problem.
pub(crate) async fn github_users(
    app: Data<App>,
    Query(asked): Query<Usernames>,
) -> Result<Json<Users>, Error> {
    let users = match asked.mode {
        Mode::Sequential => sequential(&app, &asked.names).await,
        Mode::Parallel => parallel(&app, &asked.names).await,
    };
    Ok(Json(Users { users }))
}

async fn sequential(app: &App, names: &[Username]) -> Vec<User> {
    let mut users = Vec::with_capacity(names.len());
    for name in names {
        users.push(user(app, name).await);
    }
    users
}

/// All calls are parts of this one task: they cost no task and no thread of their own.
async fn parallel(app: &App, names: &[Username]) -> Vec<User> {
    join_all(names.iter().map(|name| user(app, name))).await
}

async fn user(app: &App, name: &Username) -> User {
    User::new(name, app.github.user(name).await)
}
