/// Gives it its name, in place of what had that name; says whether nothing had. Once this returns, no loss of
/// power takes it away.
///
/// # Errors
/// 507 when the disk or the quota is full, 503 when it cannot be written to.
pub fn keep(mut self, name: &FileName) -> Result<(StoredFile, bool), Problem> {
    let trailer = Trailer(self.sha256.finalize_reset().into());
    self.room.take(Trailer::BYTES)?;
    self.file.write_all(&trailer.bytes()).map_err(failed)?;
    self.file.sync_all().map_err(failed)?;
    let path = self.room.place.files.join(name.on_disk());
    let is_new = symlink_metadata(&path).is_err();
    rename(&self.room.path, &path).map_err(failed)?;
    self.room.keep();
    if !is_new {
        self.room.place.recount();
    }
    self.room.place.sync()?;
    Ok((StoredFile::new(name, self.size, trailer), is_new))
}
