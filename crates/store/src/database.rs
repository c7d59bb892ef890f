//! Which database: a file of SQLite's, which needs nothing, or a PostgreSQL that any number of servers share.

use std::path::{Path, PathBuf};

/// Where rows are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// `postgres://…`. It may hold a password: it is never shown.
    Postgres(String),
}

/// Why a process cannot start on its database.
#[derive(Debug, thiserror::Error)]
pub enum CannotOpen {
    /// The flag says something else.
    #[error("--database {0}: give postgres://USER@HOST/NAME, or leave it out for SQLite in --data")]
    Url(String),
    /// The folder of SQLite's file.
    #[error("cannot make the data folder {0}: {1}")]
    Folder(PathBuf, std::io::Error),
    /// No connection, by what the driver says.
    #[error("cannot open the database: {0}")]
    Connect(String),
    /// The tables cannot be brought up to date.
    #[error("cannot migrate the database: {0}")]
    Migrate(String),
    /// Neither answered nor refused.
    #[error("the database did not answer within {0:?}")]
    Silent(std::time::Duration),
}

impl Database {
    /// PostgreSQL at `url`, or SQLite in the folder `data` when there is none.
    ///
    /// # Errors
    ///
    /// When `url` is not one of PostgreSQL.
    pub fn new(url: Option<&str>, data: &Path) -> Result<Self, CannotOpen> {
        match url {
            None => Ok(Self::Sqlite(data.join("waitlab.db"))),
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Ok(Self::Postgres(url.to_owned()))
            }
            // Only what stands before the colon: behind it may be a password.
            Some(url) => Err(CannotOpen::Url(url.split(':').next().unwrap_or_default().to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_url_rows_are_kept_in_a_file_of_the_data_folder() {
        let database = Database::new(None, Path::new("there")).unwrap();
        assert_eq!(database, Database::Sqlite("there/waitlab.db".into()));
    }

    #[test]
    fn a_url_of_another_kind_is_refused_without_its_password() {
        let error = Database::new(Some("mysql://me:secret@host/db"), Path::new("")).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("mysql") && !error.contains("secret"), "{error}");
    }
}
