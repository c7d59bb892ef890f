/// The next bytes, `None` at the end. Awaits the client, for as long as a client may take.
pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
    let Some(paced) = &mut self.paced else { return Ok(None) };
    while let Some(frame) = paced.frame().await {
        // Trailers are read and dropped.
        let Ok(chunk) = frame.map_err(failed)?.into_data() else { continue };
        self.left =
            self.left.checked_sub(chunk.len() as u64).ok_or_else(|| self.too_large())?;
        return Ok(Some(chunk));
    }
    Ok(None)
}
