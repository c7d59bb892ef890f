/// Keeps note and key in one transaction, or neither.
async fn add_note_once(&self, draft: Draft, key: IdempotencyKey) -> Result<Note, Problem> {
    let (key, request) = (key.as_str().to_owned(), notes::fingerprint(&draft));
    let insert = notes::insert(draft.title, draft.body, now());
    let added = on!(self.writer().await?, db => db.transaction(async |db| {
        let row: NoteRow = insert.get_result(db).await?;
        notes::claim_key(key.clone(), request.clone(), row.id).execute(db).await?;
        Ok(row)
    }).await);
    match added {
        Ok(row) => Ok(row.into()),
        Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
            self.note_of_key(key, &request).await
        }
        Err(error) => Err(Failed::from(error).into()),
    }
}
