//! `GET /github-users?username=a&username=b…&mode=parallel|sequential`: several calls in one request.

use http_blocking::Json;
use http_blocking::State;
use std::io;
use std::thread::{Builder, ScopedJoinHandle, scope};

use contract::{Mode, Problem, User, Username, Usernames, Users};

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

/// A thread for each call: each costs a stack, and a switch to wake it.
fn parallel(app: &App, names: &[Username]) -> Vec<User> {
    scope(|threads| {
        let call = |name| Builder::new().spawn_scoped(threads, move || user(app, name));
        let calls: Vec<_> = names.iter().map(|name| (name, call(name))).collect();
        calls.into_iter().map(|(name, call)| joined(name, call)).collect()
    })
}

/// The thread's result; there is none if it could not start, or panicked.
fn joined(name: &Username, call: io::Result<ScopedJoinHandle<'_, User>>) -> User {
    match call.map(ScopedJoinHandle::join) {
        Ok(Ok(user)) => user,
        Ok(Err(_)) => User::new(name, Err(Problem::internal())),
        Err(_) => User::new(name, Err(Problem::no_thread())),
    }
}

fn user(app: &App, name: &Username) -> User {
    User::new(name, app.github.user(name))
}
