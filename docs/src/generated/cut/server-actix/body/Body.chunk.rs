/// The next bytes, `None` at the end. Awaits the client, for as long as a client may take.
pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
    let Some(paced) = &mut self.paced else { return Ok(None) };
    let Some(chunk) = paced.next().await else { return Ok(None) };
    let chunk = chunk.map_err(failed)?;
    self.left = self.left.checked_sub(chunk.len() as u64).ok_or_else(|| self.too_large())?;
    Ok(Some(chunk))
}
