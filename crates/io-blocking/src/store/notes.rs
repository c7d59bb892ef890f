//! Notes: each function is one request's work on the database.

use contract::{Draft, IdempotencyKey, Note, NoteId, Notes, Page, Problem};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use store::keys::KeyRow;
use store::notes::{self, NoteRow};
use store::{Failed, now};

use crate::store::{Store, on};

impl Store {
    /// Keeps a new note. With a key that was used before, answers with the note that was made then.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 409, 422 or 503.
    pub fn add_note(&self, draft: Draft, key: Option<IdempotencyKey>) -> Result<Note, Problem> {
        match key {
            Some(key) => self.add_note_once(draft, key),
            None => {
                let insert = notes::insert(draft.title, draft.body, now());
                let row: NoteRow =
                    on!(self.writer()?, db => insert.get_result(db)).map_err(Failed::from)?;
                Ok(row.into())
            }
        }
    }

    /// Keeps note and key in one transaction, or neither.
    fn add_note_once(&self, draft: Draft, key: IdempotencyKey) -> Result<Note, Problem> {
        let (key, request) = (key.as_str().to_owned(), notes::fingerprint(&draft));
        let insert = notes::insert(draft.title, draft.body, now());
        let added = on!(self.writer()?, db => db.transaction(|db| {
            let row: NoteRow = insert.get_result(db)?;
            notes::claim_key(key.clone(), request.clone(), row.id).execute(db)?;
            Ok(row)
        }));
        match added {
            Ok(row) => Ok(row.into()),
            Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
                self.note_of_key(key, &request)
            }
            Err(error) => Err(Failed::from(error).into()),
        }
    }

    fn note_of_key(&self, key: String, request: &str) -> Result<Note, Problem> {
        let row: KeyRow =
            on!(self.connection()?, db => notes::find_key(key).first(db)).map_err(Failed::from)?;
        let note = self.note(NoteId(row.repeats(request)?))?;
        note.ok_or_else(Problem::note_deleted)
    }

    /// A page of notes.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub fn notes(&self, page: Page) -> Result<Notes, Problem> {
        let query = notes::page(page.limit + 1, page.after.0);
        let rows: Vec<NoteRow> =
            on!(self.connection()?, db => query.load(db)).map_err(Failed::from)?;
        Ok(Notes::new(rows.into_iter().map(Note::from).collect(), page))
    }

    /// One note, if there is one.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub fn note(&self, id: NoteId) -> Result<Option<Note>, Problem> {
        let row: Option<NoteRow> =
            on!(self.connection()?, db => notes::find(id.0).first(db).optional())
                .map_err(Failed::from)?;
        Ok(row.map(Note::from))
    }

    /// Writes a note anew, if there is one.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub fn rewrite_note(&self, id: NoteId, draft: Draft) -> Result<Option<Note>, Problem> {
        let rewrite = notes::rewrite(id.0, draft.title, draft.body, now());
        let row: Option<NoteRow> =
            on!(self.writer()?, db => rewrite.get_result(db).optional()).map_err(Failed::from)?;
        Ok(row.map(Note::from))
    }

    /// Removes a note, and tells whether there was one.
    ///
    /// # Errors
    ///
    /// The problem that our client gets: 503.
    pub fn remove_note(&self, id: NoteId) -> Result<bool, Problem> {
        let removed = on!(self.writer()?, db => notes::remove(id.0).execute(db));
        Ok(removed.map_err(Failed::from)? > 0)
    }
}
