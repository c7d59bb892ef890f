//! Notes: `/notes`, and the keys that make a repeated request harmless.

use contract::{Draft, Note, NoteId, Timestamp};
use diesel::dsl::{auto_type, delete, insert_into, update};
use diesel::prelude::*;

use crate::keys;
use crate::schema::{note_keys, notes};

/// A row of `notes`.
#[derive(Debug, Queryable)]
pub struct NoteRow {
    /// Its number, for the key that is kept with it.
    pub id: i64,
    title: String,
    body: String,
    created_at: i64,
    updated_at: i64,
}

/// A new note, written `at`.
#[auto_type]
pub fn insert(title: String, body: String, at: i64) -> _ {
    insert_into(notes::table).values((
        notes::title.eq(title),
        notes::body.eq(body),
        notes::created_at.eq(at),
        notes::updated_at.eq(at),
    ))
}

/// One note.
#[auto_type]
pub fn find(id: i64) -> _ {
    notes::table.find(id)
}

/// At most `limit` notes behind `after`.
#[auto_type]
pub fn page(limit: i64, after: i64) -> _ {
    notes::table.filter(notes::id.gt(after)).order(notes::id).limit(limit)
}

/// A note, written anew.
#[auto_type]
pub fn rewrite(id: i64, title: String, body: String, at: i64) -> _ {
    update(notes::table.find(id)).set((
        notes::title.eq(title),
        notes::body.eq(body),
        notes::updated_at.eq(at),
    ))
}

/// A note, gone. Its key stays.
#[auto_type]
pub fn remove(id: i64) -> _ {
    delete(notes::table.find(id))
}

/// Remembers which note was made with `key`; breaks its uniqueness when the key was used before.
///
/// Of two requests with one key that arrive together, the later waits here for the earlier to commit: in SQLite for
/// the write lock, in PostgreSQL for the row.
#[auto_type]
pub fn claim_key(key: String, request: String, note: i64) -> _ {
    insert_into(note_keys::table).values((
        note_keys::key.eq(key),
        note_keys::request.eq(request),
        note_keys::note_id.eq(note),
    ))
}

/// What was asked with `key` before.
#[auto_type]
pub fn find_key(key: String) -> _ {
    note_keys::table.find(key)
}

/// Tells two requests with one key apart: a hash of what was asked.
pub fn fingerprint(draft: &Draft) -> String {
    keys::fingerprint(draft.title.as_bytes(), draft.body.as_bytes())
}

impl From<NoteRow> for Note {
    fn from(row: NoteRow) -> Self {
        Self {
            id: NoteId(row.id),
            title: row.title,
            body: row.body,
            created_at: Timestamp(row.created_at),
            updated_at: Timestamp(row.updated_at),
        }
    }
}
