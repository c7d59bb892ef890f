//! `GET /github-users?username=a&username=b…&mode=parallel|sequential`: several calls in one request.

use std::thread::{ScopedJoinHandle, scope};
use std::time::Instant;

use contract::{Mode, Problem, User, Username, Usernames, Users};
use http_blocking::{Json, State};

use crate::app::App;
use crate::extract::Query;
use crate::reply::Error;

/// Asks for every name, one after the other or all at once; each entry is a profile or a problem.
pub(crate) fn github_users(
    State(app): State<App>,
    Query(asked): Query<Usernames>,
) -> Result<Json<Users>, Error> {
    let users = match asked.mode {
        Mode::Sequential => sequential(&app, &asked.names),
        Mode::Parallel => parallel(&app, &asked.names),
    };
    Ok(Json(Users { users }))
}

fn sequential(app: &App, names: &[Username]) -> Vec<User> {
    let mut users = Vec::with_capacity(names.len());
    for name in names {
        users.push(user(app, name));
    }
    users
}

/// A thread for each call, as far as there are threads to spare: each costs a stack, and a switch to wake it.
fn parallel(app: &App, names: &[Username]) -> Vec<User> {
    let until = Instant::now() + app.limits.upstream_total;
    scope(|threads| {
        let call = |name| app.helpers.start(threads, move || user(app, name));
        let calls: Vec<_> = names.iter().map(|name| (name, call(name))).collect();
        calls.into_iter().map(|(name, call)| joined(app, name, call, until)).collect()
    })
}

/// The thread's result, unless it panicked; without a thread, this one asks, as long as the others would have waited.
fn joined(
    app: &App,
    name: &Username,
    call: Option<ScopedJoinHandle<'_, User>>,
    until: Instant,
) -> User {
    match call.map(ScopedJoinHandle::join) {
        Some(Ok(user)) => user,
        Some(Err(_)) => User::new(name, Err(Problem::internal())),
        None if Instant::now() < until => user(app, name),
        None => User::new(name, Err(Problem::unavailable("no thread was free for it in time", 1))),
    }
}

fn user(app: &App, name: &Username) -> User {
    User::new(name, app.github.user(name))
}
